"""Errors, losses, correlation and maps of classes, by hand and against libraries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as sklearn

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.metrics.metric import Metric
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.regression.correlation import (
    Correlation,
    ranks,
)
from narrowcast.runtime.evaluation.metrics.regression.loss import Loss
from narrowcast.runtime.evaluation.metrics.regression.mae import MAE
from narrowcast.runtime.evaluation.metrics.regression.rmse import RMSE
from narrowcast.runtime.evaluation.metrics.segmentation.miou import MIoU

few = settings(max_examples=25)


def result(metric: Metric, *batches: tuple[Any, Any]) -> float:
    for predictions, labels in batches:
        metric.update(predictions, labels)
    return metric.result()


@few
@given(st.data(), arrays.array_shapes(min_dims=1, max_dims=3, max_side=4))
def test_errors_are_scikit_learns(data: Any, shape: Any) -> None:
    values = st.floats(-100, 100, width=32)
    a = data.draw(arrays.arrays(np.float32, shape, elements=values))
    b = data.draw(arrays.arrays(np.float32, shape, elements=values))
    wide, flat = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    squared = sklearn.mean_squared_error(flat, wide)
    absolute = sklearn.mean_absolute_error(flat, wide)
    assert result(MAE(), (a, b)) == pytest.approx(absolute)
    assert result(RMSE(), (a, b)) == pytest.approx(math.sqrt(squared))
    assert result(RMSE(), (a[:1], b[:1]), (a[1:], b[1:])) == pytest.approx(
        math.sqrt(squared)
    )


def test_several_outputs_are_compared_with_as_many_labels() -> None:
    outputs = np.zeros((2, 3)), np.ones((2, 1))
    labels = np.ones((2, 3)), np.ones(2)
    assert result(MSE(), (outputs, labels)) == 0.75
    with pytest.raises(DataError, match="the model gives 2, the data has 3"):
        MAE().update(outputs, (*labels, labels[0]))
    with pytest.raises(DataError, match="as many samples, the model gives 2, 3"):
        MAE().update((outputs[0], np.zeros(3)), (labels[0], np.zeros(3)))


@pytest.mark.parametrize("make", [MSE, MAE, RMSE, Correlation])
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "b"], "labels are strings"),
        ([1.5, None], "labels are missing"),
        (None, "needs labels"),
    ],
)
def test_errors_need_numbers(make: Any, labels: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        make().update(np.zeros(2), labels)


@pytest.mark.parametrize("make", [MSE, MAE, RMSE])
def test_errors_say_what_they_compare_with(make: Any) -> None:
    assert (make().name, make().compare_label) == (make.__name__, True)
    assert make(compare_label=False).name == f"{make.__name__} to fp32"


def test_rmse_forgets() -> None:
    metric = RMSE()
    metric.update(np.zeros(2), np.full(2, 9.0))
    metric.reset()
    assert result(metric, (np.zeros(2), np.full(2, 3.0))) == 3


def test_loss_is_the_mean_over_samples_of_what_the_model_gives() -> None:
    assert result(Loss(), (np.array([1, 2.0]), None), (np.array([6.0]), ["any"])) == 3
    assert result(Loss(), (np.array([[1, 2], [3, 4.0]]), None)) == 5
    assert result(Loss(), (np.array(2.0), None), (np.array(4.0), None)) == 3
    with pytest.raises(DataError, match="a loss for each sample"):
        Loss().update(np.zeros(0), None)


@few
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_equal_values_share_their_rank(values: list[int]) -> None:
    order = sorted(values)
    expected = [
        np.mean([k + 1 for k, other in enumerate(order) if other == each])
        for each in values
    ]
    assert ranks(np.array(values, np.float64)).tolist() == pytest.approx(expected)


@few
@given(st.integers(0, 99))
def test_correlation_is_numpys_and_of_ranks(seed: int) -> None:
    a, b = np.random.default_rng(seed).integers(0, 9, (2, 12)).astype(np.float64)
    pearson = np.corrcoef(a, b)[0, 1]
    spearman = np.corrcoef(ranks(a), ranks(b))[0, 1]
    found = result(Correlation(), (a[:5, None], b[:5]), (a[5:, None], b[5:]))
    assert found == pytest.approx((pearson + spearman) / 2, nan_ok=True)


def test_correlation_takes_one_number_a_sample() -> None:
    with pytest.raises(DataError, match=r"the model gives \(2, 3\)"):
        Correlation().update(np.zeros((2, 3)), np.zeros(2))
    assert math.isnan(result(Correlation(), (np.ones(3), np.arange(3))))


@few
@given(st.data())
def test_miou_is_the_mean_jaccard_index(data: Any) -> None:
    classes = st.integers(0, 3)
    found = data.draw(arrays.arrays(np.int64, (3, 2, 2), elements=classes))
    wanted = data.draw(arrays.arrays(np.int64, (3, 2, 2), elements=classes))
    seen = np.union1d(found, wanted)
    expected = sklearn.jaccard_score(
        wanted.ravel(), found.ravel(), labels=seen, average="macro", zero_division=0
    )
    halves = (found[:1], wanted[:1]), (found[1:], wanted[1:])
    assert result(MIoU(4), *halves) == pytest.approx(expected)
    scores = np.eye(4)[found]
    assert result(MIoU(4), (scores, wanted)) == pytest.approx(expected)
    first = np.moveaxis(scores, -1, 1)
    assert result(MIoU(4), (first, wanted[..., None])) == pytest.approx(expected)


def test_pixels_without_a_class_count_for_nothing() -> None:
    wanted = np.array([[[0, 255], [1, -1]]])
    assert result(MIoU(2), (np.array([[[0, 1], [1, 0]]]), wanted)) == 1
    # 7 is no class: the pixel of class 1 is lost, and nothing else.
    assert result(MIoU(2), (np.array([[[0, 1], [7, 0]]]), wanted)) == 0.5
    assert math.isnan(result(MIoU(2), (np.zeros((1, 1, 1)), np.full((1, 1, 1), 9))))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((1, 2, 3, 3), "none fits"),
        ((1, 4, 4, 4), "both axes fit"),
        ((1, 9), "none fits"),
    ],
)
def test_miou_refuses_shapes_that_do_not_fit(shape: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        MIoU(4).update(np.zeros(shape), np.zeros((1, 4, 4), np.int64))
