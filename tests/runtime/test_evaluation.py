"""Scoring: what is counted, and who is blamed for what."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import DataError, MetricError
from narrowcast.runtime.evaluation.batches import first_inputs
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation, evaluate, largest_error
from narrowcast.runtime.evaluation.metrics.mse import MSE


def same(inputs: Any) -> Any:
    return inputs


def batches(*sizes: int) -> Any:
    def read() -> Iterator[Any]:
        for size in sizes:
            ones = np.ones((size, 2), np.float32)
            yield (ones,), ones

    return read


class Recorder:
    """A user's metric, in Neural Compressor's protocol."""

    def __init__(self, result: Any = 0.5) -> None:
        self.seen: list[Any] = ["before reset"]
        self.value = result

    def update(self, predictions: Any, labels: Any) -> None:
        self.seen.append((predictions, labels))

    def reset(self) -> None:
        self.seen.clear()

    def result(self) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def test_all_samples_are_counted_and_scored() -> None:
    found = evaluate(same, batches(4, 4, 1), MSE)
    assert found == Evaluation("MSE", 0.0, 9, True)


def test_the_data_is_read_anew_each_time() -> None:
    data = batches(2, 1)
    assert evaluate(same, data, MSE) == evaluate(same, data, MSE)


def test_a_metric_is_reset_and_named_by_its_class() -> None:
    metric = Recorder()
    found = evaluate(same, batches(2, 1), lambda: metric)
    assert found.metric == "Recorder"
    assert [labels.shape for _outputs, labels in metric.seen] == [(2, 2), (1, 2)]


def test_one_output_comes_as_an_array_several_as_a_tuple() -> None:
    metric = Recorder()
    evaluate(same, batches(2), lambda: metric)
    assert isinstance(metric.seen[0][0], np.ndarray)
    evaluate(lambda inputs: inputs * 2, batches(2), lambda: metric)
    assert isinstance(metric.seen[0][0], tuple)
    assert len(metric.seen[0][0]) == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_one_output_that_is_not_finite_is_seen(bad: float, dtype: Any) -> None:
    def predict(inputs: Any) -> Any:
        broken = inputs[0].astype(dtype)
        broken[-1, -1] = bad
        return (inputs[0], broken)

    assert not evaluate(predict, batches(3), Recorder).finite


def test_integer_outputs_are_finite() -> None:
    assert evaluate(lambda i: (i[0].astype(np.int64),), batches(3), Recorder).finite


def test_batches_are_ticked_as_they_are_done() -> None:
    done: list[int] = []
    evaluate(same, batches(2, 2, 2), MSE, done.append)
    assert done == [1, 2, 3]


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), 1, True])
def test_a_result_may_be_any_number(value: Any) -> None:
    assert evaluate(same, batches(1), lambda: Recorder(value)).value == float(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_result_that_is_not_finite_is_nan(value: float) -> None:
    assert math.isnan(evaluate(same, batches(1), lambda: Recorder(value)).value)


@pytest.mark.parametrize(
    "value",
    [np.ones(3), None, "high", {"accuracy": 1}, ZeroDivisionError("no samples")],
)
def test_a_metric_without_a_number_is_blamed(value: Any) -> None:
    with pytest.raises(
        MetricError, match=r"the metric failed|\.result\(\) gives \w+, not a number"
    ):
        evaluate(same, batches(1), lambda: Recorder(value))


def test_a_metric_that_raises_is_blamed_in_its_own_words() -> None:
    class Raising(Recorder):
        def update(self, predictions: Any, labels: Any) -> None:
            raise ValueError("Input contains NaN")

    with pytest.raises(MetricError, match="ValueError: Input contains NaN"):
        evaluate(same, batches(1), Raising)


def test_a_metric_that_cannot_be_made_is_blamed() -> None:
    def make() -> Recorder:
        raise ImportError("no module named sklearn")

    with pytest.raises(MetricError, match="no module named sklearn"):
        evaluate(same, batches(1), make)


@pytest.mark.parametrize("data", [batches(), batches(0, 0)])
def test_data_without_a_sample_is_refused(data: Any) -> None:
    with pytest.raises(DataError, match="the data has no batch"):
        evaluate(same, data, Recorder)


def test_no_first_batch_is_refused() -> None:
    with pytest.raises(DataError, match="the data has no batch"):
        first_inputs(batches())


def test_only_the_first_batch_is_read_for_its_inputs() -> None:
    def read() -> Iterator[Any]:
        yield (1,), 2
        raise AssertionError("the second batch was read")

    assert first_inputs(read) == (1,)


def test_data_that_fails_in_the_middle_is_blamed() -> None:
    def read() -> Iterator[Any]:
        yield from batches(2)()
        raise OSError("connection lost")

    with pytest.raises(
        DataError, match=r"the data can't be read at test_\w+.py:\d+: OSError: conn"
    ):
        evaluate(same, read, MSE)


def test_data_that_fails_at_once_is_blamed() -> None:
    def read() -> Any:
        raise KeyError("images")

    with pytest.raises(DataError, match="KeyError: 'images'"):
        first_inputs(read)


def test_a_model_that_fails_is_not_the_datas_fault() -> None:
    def predict(inputs: Any) -> Any:
        raise RuntimeError("mat1 and mat2")

    with pytest.raises(RuntimeError, match="mat1"):
        evaluate(predict, batches(2), MSE)


# The error of outputs


@given(st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=9), st.data())
def test_the_error_is_rms_over_rms(values: list[float], data: Any) -> None:
    expected = np.array(values, np.float32)
    shift = st.lists(
        st.floats(-9, 9, width=32), min_size=len(values), max_size=len(values)
    )
    found = np.array(data.draw(shift), np.float32)
    difference = sum(
        (float(a) - float(b)) ** 2 for a, b in zip(expected, found, strict=True)
    )
    size = sum(float(a) ** 2 for a in expected)
    error = largest_error((expected,), (found,))
    if size:
        assert error == pytest.approx(math.sqrt(difference / size), rel=1e-6)
    else:
        assert error == (math.inf if difference else 0)


def test_the_worst_output_counts_whatever_its_scale() -> None:
    big, small = np.full(3, 1e4, np.float32), np.full(3, 1e-4, np.float32)
    assert largest_error((big, small), (big, small * 2)) == pytest.approx(1)


def test_integers_have_no_error() -> None:
    assert largest_error((np.array([1]),), (np.array([2]),)) == 0


def test_nothing_has_no_error() -> None:
    assert largest_error((), ()) == 0
    assert largest_error((np.zeros(0, np.float32),), (np.zeros(0, np.float32),)) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_output_that_is_not_finite_is_infinitely_wrong(bad: float) -> None:
    good = np.ones(2, np.float32)
    assert largest_error((good,), (np.array([1, bad], np.float32),)) == math.inf


# The criterion


@pytest.mark.parametrize(
    ("criterion", "baseline", "least_that_holds", "fails"),
    [
        (Criterion(relative=0.01), 0.9, 0.891, 0.8909),
        (Criterion(absolute=0.01), 0.9, 0.89, 0.8899),
        (Criterion(relative=0.01), -2.0, -2.02, -2.021),
        (Criterion(relative=0.5, higher_is_better=False), 4.0, 6.0, 6.01),
        (Criterion(absolute=0.5, higher_is_better=False), 4.0, 4.5, 4.51),
        (Criterion(relative=0.1, higher_is_better=False), -2.0, -1.8, -1.79),
        (Criterion(relative=0.0), 0.9, 0.9, 0.8999),
        (Criterion(relative=-0.01), 0.5, 0.505, 0.504),
    ],
)
def test_the_criterion_holds_up_to_its_bound(
    criterion: Criterion, baseline: float, least_that_holds: float, fails: float
) -> None:
    assert criterion.bound(baseline) == pytest.approx(least_that_holds)
    assert criterion.holds(baseline, criterion.bound(baseline))
    assert not criterion.holds(baseline, fails)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("higher", [True, False])
def test_no_criterion_holds_for_what_is_not_finite(value: float, higher: bool) -> None:
    assert not Criterion(absolute=9, higher_is_better=higher).holds(0.5, value)


@given(st.floats(-9, 9), st.floats(-9, 9), st.booleans())
def test_loss_is_positive_where_it_got_worse(a: float, b: float, higher: bool) -> None:
    criterion = Criterion(absolute=0, higher_is_better=higher)
    assert (criterion.loss(a, b) > 0) is (not criterion.holds(a, b))
