"""Metrics against brute force, and what they say of data that doesn't fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.metrics.metric import MeanOverSamples
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.topk import TopK

SPECIAL = [0.0, -0.0, 1.0, 1.0, 2.0, np.inf, -np.inf, np.nan]


@st.composite
def scored(draw: Any) -> tuple[Any, Any, int]:
    """Outputs with many ties, infinities and NaN, labels, and k."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(2, 6)))
    values = st.sampled_from(SPECIAL)
    outputs = draw(arrays.arrays(np.float32, shape, elements=values))
    labels = draw(
        arrays.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1))
    )
    return outputs, labels, draw(st.integers(1, shape[1] - 1))


def brute_force(outputs: Any, labels: Any, k: int) -> list[float]:
    """Sort the classes of each sample, stably: NaN last, and never right."""
    right = []
    for row, label in zip(outputs, labels, strict=True):
        order = np.argsort(-row, kind="stable")
        hit = label in order[:k] and not np.isnan(row[label])
        right.append(float(hit))
    return right


@given(scored())
def test_top_k_is_a_stable_sort(case: tuple[Any, Any, int]) -> None:
    outputs, labels, k = case
    assert TopK(k).score(outputs, labels).tolist() == brute_force(outputs, labels, k)


@given(scored())
def test_one_hot_labels_are_class_numbers(case: tuple[Any, Any, int]) -> None:
    outputs, labels, k = case
    for dtype in (np.float32, np.int64, bool):
        one_hot = np.eye(outputs.shape[1], dtype=dtype)[labels]
        assert TopK(k).score(outputs, one_hot).tolist() == brute_force(
            outputs, labels, k
        )


@pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0], [[0], [1]], (0, 1)])
def test_class_numbers_may_come_in_any_form(labels: Any) -> None:
    outputs = np.array([[9, 1, 1], [1, 9, 1]])
    assert TopK().score(outputs, labels).tolist() == [1, 1]


def test_top_1_ties_rank_as_argmax_does() -> None:
    assert TopK().score(np.ones((2, 3)), [0, 1]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("outputs", "labels", "said"),
    [
        (np.zeros((2, 3)), [0, 3], "labels run from 0 to 3, the model has 3 classes"),
        (np.zeros((2, 3)), [-1, 0], "labels run from -1 to 0"),
        (np.zeros((2, 3)), [0, 1, 2], "3 labels for 2 samples"),
        (np.zeros((2, 3)), [0.5, 1], "not whole numbers"),
        (np.zeros((2, 3)), [np.nan, 1], "not whole numbers"),
        (np.zeros(3), [0, 1, 2], r"top-k needs outputs \(n, classes\)"),
        (np.zeros((1, 2, 3)), [0], r"the model gives \(1, 2, 3\)"),
    ],
)
def test_top_k_refuses_what_does_not_fit(outputs: Any, labels: Any, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        TopK().update(outputs, labels)
    assert caught.value.remedy


@pytest.mark.parametrize("k", [3, 4])
def test_as_many_as_there_are_classes_judges_nothing(k: int) -> None:
    with pytest.raises(
        DataError, match=f"top-{k} of 3 classes is 1 whatever"
    ) as caught:
        TopK(k).update(np.zeros((2, 3)), [0, 1])
    assert "k below 3" in caught.value.remedy


@given(
    st.data(),
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=4),
)
def test_mse_is_the_mean_of_squares_of_each_sample(data: Any, shape: Any) -> None:
    values = st.floats(-100, 100, width=32)
    outputs = data.draw(arrays.arrays(np.float32, shape, elements=values))
    labels = data.draw(arrays.arrays(np.float32, shape, elements=values))
    expected = [
        sum((float(a) - float(b)) ** 2 for a, b in zip(x.flat, y.flat, strict=True))
        / x.size
        for x, y in zip(map(np.asarray, outputs), map(np.asarray, labels), strict=True)
    ]
    assert MSE().score(outputs, labels) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [((3,), (3, 1)), ((3, 1), (3,)), ((3, 4), (3, 1, 4)), ((3, 1, 4), (3, 4, 1))],
)
def test_mse_ignores_dimensions_of_size_one(outputs: Any, labels: Any) -> None:
    found = MSE().score(np.ones(outputs), np.zeros(labels))
    assert found.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        ((2, 3), (2, 2)),
        ((2, 3), (3, 2)),
        ((2, 3, 4), (2, 4, 3)),
        ((2, 6), (2, 2, 3)),
        ((2,), (1,)),
        ((), ()),
    ],
)
def test_mse_refuses_other_shapes(outputs: Any, labels: Any) -> None:
    with pytest.raises(DataError, match="MSE needs labels of the outputs' shape"):
        MSE().update(np.ones(outputs), np.ones(labels))


@pytest.mark.parametrize("metric", [TopK(2), MSE()])
def test_metrics_need_labels_and_one_output(metric: MeanOverSamples) -> None:
    output = np.ones((2, 3))
    with pytest.raises(DataError, match=f"{metric.name} needs labels"):
        metric.update(output, None)
    with pytest.raises(DataError, match="scores one output, the model has 2"):
        metric.update((output, output), np.zeros(2))


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (TopK, st.integers(0, 3).map(float)),
        (MSE, st.floats(-9, 9)),
    ],
)
@given(data=st.data(), sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_uneven_batches_weigh_by_their_samples(
    make: Any, labels: Any, data: Any, sizes: list[int]
) -> None:
    count = sum(sizes) + 1
    shape = (count, 4) if make is TopK else (count,)
    outputs = data.draw(arrays.arrays(np.float64, shape, elements=st.floats(-9, 9)))
    wanted = data.draw(arrays.arrays(np.float64, count, elements=labels))
    whole, parts = make(), make()
    whole.update(outputs, wanted)
    start = 0
    for size in [*sizes, 1]:
        parts.update(outputs[start : start + size], wanted[start : start + size])
        start += size
    assert parts.result() == whole.result()
    assert parts.scores().tolist() == whole.scores().tolist()


def test_reset_forgets() -> None:
    metric = TopK()
    metric.update(np.eye(2), [1, 0])
    metric.reset()
    metric.update(np.eye(2), [0, 1])
    assert metric.result() == 1
    assert len(metric.scores()) == 2


def test_top_k_is_named_by_its_k() -> None:
    assert (TopK().name, TopK(5).name, MSE().name) == ("top-1", "top-5", "MSE")
