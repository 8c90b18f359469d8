"""Metrics of classes, against scikit-learn and by hand."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as sklearn

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.metrics.classification.accuracy import Accuracy
from narrowcast.runtime.evaluation.metrics.classification.f1 import F1
from narrowcast.runtime.evaluation.metrics.classification.matthews import Matthews
from narrowcast.runtime.evaluation.metrics.classification.roc import ROC
from narrowcast.runtime.evaluation.metrics.metric import Metric
from narrowcast.runtime.evaluation.metrics.topk import TopK


def result(metric: Metric, *batches: tuple[Any, Any]) -> float:
    for predictions, labels in batches:
        metric.update(predictions, labels)
    return metric.result()


few = settings(max_examples=25)


@st.composite
def classified(draw: Any, classes: int = 3) -> tuple[Any, Any]:
    """Scores (n, classes), all different, and labels (n,)."""
    count = draw(st.integers(2, 12))
    scores = draw(
        arrays.arrays(
            np.float32, (count, classes), elements=st.integers(0, 9), unique=False
        )
    )
    labels = draw(arrays.arrays(np.int64, count, elements=st.integers(0, classes - 1)))
    return scores, labels


@few
@given(classified())
def test_accuracy_is_scikit_learns(case: tuple[Any, Any]) -> None:
    scores, labels = case
    found = scores.argmax(axis=1)
    expected = pytest.approx(sklearn.accuracy_score(labels, found))
    assert result(Accuracy(), (scores, labels)) == expected
    assert result(Accuracy(), (found, labels)) == expected
    assert result(Accuracy(), (found.astype(np.float32)[:, None], labels)) == expected
    assert result(Accuracy(), (scores, labels[:, None])) == expected


def test_accuracy_of_several_labels_a_sample_is_the_share_of_each() -> None:
    metric = Accuracy()
    metric.update(np.array([[1, 0, 1, 1], [0, 0, 0, 0]]), [[1, 1, 1, 1], [0, 0, 0, 0]])
    assert metric.scores().tolist() == [0.75, 1]
    maps = np.zeros((1, 3, 2, 2))
    maps[0, 2] = [[1, 1], [1, 0]]
    assert result(Accuracy(), (maps, np.array([[[2, 2], [0, 0]]]))) == 0.75


def test_a_score_that_is_nan_is_never_right() -> None:
    assert result(Accuracy(), (np.array([[np.nan, 1], [2, 1]]), [0, 0])) == 0.5
    assert result(Accuracy(), (np.array([np.nan, 1]), [0, 1])) == 0.5


@few
@given(classified(), st.sampled_from(["macro", "micro", "weighted"]))
def test_f1_is_scikit_learns(case: tuple[Any, Any], average: str) -> None:
    scores, labels = case
    expected = sklearn.f1_score(
        labels, scores.argmax(axis=1), average=average, zero_division=0
    )
    found = result(F1(average), (scores[:1], labels[:1]), (scores[1:], labels[1:]))
    assert found == pytest.approx(expected)


@few
@given(classified(2))
def test_f1_and_matthews_of_two_classes(case: tuple[Any, Any]) -> None:
    scores, labels = case
    found = scores.argmax(axis=1)
    right = int(((found == 1) & (labels == 1)).sum())
    expected = 2 * right / max(int(found.sum() + labels.sum()), 1)
    assert result(F1(), (scores, labels)) == pytest.approx(expected)
    assert result(F1(), (found, labels)) == pytest.approx(expected)
    wrong = [int(((found == a) & (labels == b)).sum()) for a in (0, 1) for b in (0, 1)]
    tn, fn, fp, tp = wrong
    scale = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    matthews = (tp * tn - fp * fn) / scale if scale else 0.0
    assert result(Matthews(), (scores, labels)) == pytest.approx(matthews)


def test_f1_of_several_labels_a_sample() -> None:
    found, wanted = np.array([[1, 0, 1], [0, 1, 0]]), np.array([[1, 0, 0], [0, 1, 1]])
    for average in ("macro", "micro", "samples"):
        expected = sklearn.f1_score(wanted, found, average=average)
        assert result(F1(average), (found, wanted)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ([0, 2], [0, 1], "classes up to 2"),
        ([[0, 1], [1, 1]], [[0, 1], [1, 1]], "several labels a sample"),
    ],
)
def test_f1_of_more_than_two_classes_needs_an_average(
    found: Any, wanted: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        result(F1(), (np.array(found), np.array(wanted)))
    assert "average: macro" in caught.value.remedy


@few
@given(classified(2))
def test_roc_is_the_share_of_pairs_in_the_right_order(case: tuple[Any, Any]) -> None:
    scores, labels = case
    margin = scores[:, 1].astype(np.float64) - scores[:, 0]
    ones, zeros = margin[labels == 1], margin[labels == 0]
    if not len(ones) or not len(zeros):
        with pytest.raises(DataError, match="needs samples of both classes"):
            result(ROC(), (scores, labels))
        return
    pairs = [(one > zero) + (one == zero) / 2 for one in ones for zero in zeros]
    expected = pytest.approx(np.mean(pairs))
    assert result(ROC(), (scores, labels)) == expected
    assert result(ROC(), (margin[:, None], labels[:, None])) == expected
    assert result(ROC(), (margin[:1], labels[:1]), (margin[1:], labels[1:])) == expected


@pytest.mark.parametrize("metric", [F1(), ROC(), Matthews()])
def test_outputs_that_are_not_finite_give_nan(metric: Metric) -> None:
    metric.reset()
    assert math.isnan(result(metric, (np.array([[0, np.inf], [1, 0]]), "anything")))
    metric.reset()
    assert result(metric, (np.eye(2), [0, 1])) == 1


@pytest.mark.parametrize("make", [TopK, Accuracy, F1, ROC, Matthews])
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["cat", "dog"], r"labels are strings \('cat' in sample 0 of a batch\)"),
        (
            np.array(["0", "dog"]),
            r"labels are strings \('dog' in sample 1 of a batch\)",
        ),
        ([b"cat", b"dog"], "labels are bytes"),
        ([1, None], r"labels are missing \(None in sample 1 of a batch\)"),
        ([1, "dog"], "labels are strings"),
        ([1, {}], "labels are dict"),
        ([[1], [1, 2]], r"labels differ in shape \(\(1,\) and \(2,\) in sample 1"),
        (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), "labels are dates"),
        ([0, 1j], "labels are complex"),
        ([0, 0.5], r"labels are not whole numbers \(0.5 in sample 1 of a batch\)"),
        ([0, np.nan], r"labels are not whole numbers \(nan in sample 1 of a batch\)"),
        ([0, 2], "labels run from 0 to 2, the model has 2 classes"),
    ],
)
def test_labels_that_are_no_class_numbers_are_named(
    make: Any, labels: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        make().update(np.eye(2, 2), labels)
    assert "label" in caught.value.remedy


@pytest.mark.parametrize("make", [Accuracy, F1])
@pytest.mark.parametrize(
    ("outputs", "labels", "said"),
    [
        ((2, 3), (3,), r"the model gives \(2, 3\), the data has \(3,\)"),
        ((2, 3, 4), (2,), r"the model gives \(2, 3, 4\), the data has \(2,\)"),
        ((), (2,), r"the model gives \(\), the data has \(2,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(
    make: Any, outputs: Any, labels: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        make().update(np.zeros(outputs), np.zeros(labels))


@pytest.mark.parametrize("outputs", [[0.7, 0.2], [[0.7], [0.2]], [[1, 0.5], [0, 1]]])
def test_accuracy_refuses_probabilities_as_classes(outputs: Any) -> None:
    labels = np.zeros(np.shape(outputs))
    with pytest.raises(DataError, match="outputs are not whole numbers") as caught:
        Accuracy().update(np.array(outputs), labels)
    assert "ROC" in caught.value.remedy
    assert "topk takes one-hot" in caught.value.remedy


def test_roc_takes_two_classes() -> None:
    with pytest.raises(DataError, match=r"the model gives \(2, 3\)"):
        ROC().update(np.zeros((2, 3)), [0, 1])
    with pytest.raises(DataError, match="3 labels for 2 samples"):
        ROC().update(np.zeros(2), [0, 1, 1])
    with pytest.raises(DataError, match="scores one output, the model has 2"):
        ROC().update((np.zeros(2), np.zeros(2)), [0, 1])


@few
@given(arrays.arrays(np.float32, 8, elements=st.floats(0, 1, width=32)))
def test_a_threshold_makes_classes_of_one_score(scores: Any) -> None:
    labels = np.array([0, 1] * 4)
    above = scores > 0.5
    right, f1 = (labels == above).mean(), sklearn.f1_score(labels, above)
    for given_ in (scores, scores[:, None]):
        assert result(Accuracy(threshold=0.5), (given_, labels)) == right
        assert result(F1(threshold=0.5), (given_, labels)) == pytest.approx(f1)


@few
@given(classified())
def test_classes_may_come_last(case: tuple[Any, Any]) -> None:
    """As of token classifiers; or where an axis says."""
    scores, labels = case
    expected = result(Accuracy(), (scores, labels))
    tokens = (
        np.repeat(scores[:, None], 2, axis=1),
        np.repeat(labels[:, None], 2, axis=1),
    )
    assert result(Accuracy(), tokens) == pytest.approx(expected)
    square = (
        scores[:, None] + np.zeros((3, 1), np.float32),
        labels[:, None].repeat(3, 1),
    )
    assert result(Accuracy(axis=-1), square) == pytest.approx(expected)
    turned = square[0].transpose(0, 2, 1), square[1]
    assert result(Accuracy(axis=1), turned) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "outputs", "labels", "words"),
    [
        (Accuracy(), np.zeros((2, 3, 3)), np.zeros((2, 3), int), "axis 1 or the last"),
        (Accuracy(), np.full((2, 1), 0.5), [0, 1], "threshold: 0.5"),
        (Accuracy(threshold=0.5), np.zeros((2, 3)), [0, 1], "where a threshold"),
        (Accuracy(threshold=0.5), np.zeros(2), [0, 2], "0 to 2"),
        (Accuracy(axis=5), np.zeros((2, 3)), [0, 1], "takes labels"),
        (F1("samples"), np.zeros((2, 3)), [0, 1], "samples takes several labels"),
        (TopK(), np.eye(3)[:2], [[1, 0, 0], [0, 0, 0]], "sample 1 .* marks no class"),
        (TopK(), np.eye(3)[:2], [[1, 1, 0], [0, 1, 0]], "sample 0 .* marks 2 classes"),
        (Accuracy(), np.eye(3)[:2], [np.str_("1"), None], r"strings \('1' in sample 0"),
    ],
)
def test_what_has_no_one_meaning_is_refused(
    metric: Metric, outputs: Any, labels: Any, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        result(metric, (outputs, labels))
    assert re.search(words, str(caught.value))
