"""Metrics as users give them: objects and classes, with one argument or two."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from narrowcast import common
from narrowcast.runtime.common.errors import MetricError, UsageError
from narrowcast.runtime.evaluation.metrics.calling import metric_value, update_metric
from narrowcast.runtime.evaluation.metrics.given import Given, given, takes_one

PREDICTIONS, LABELS = np.array([[1.0, 2.0], [3.0, 1.0]]), np.array([1, 1])


class Counts:
    """Right answers, however `update` is called."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.reset()

    def reset(self) -> None:
        self.right = self.count = 0

    def see(self, predictions: Any, labels: Any) -> None:
        self.right += int((np.asarray(predictions).argmax(1) == labels).sum())
        self.count += len(labels)

    def result(self) -> Any:
        return self.scale * self.right / self.count


class Two(Counts):
    def update(self, predictions: Any, labels: Any) -> None:
        self.see(predictions, labels)


class One(Counts):
    def update(self, sample: Any) -> None:
        predictions, labels = sample
        self.see(predictions, labels)


class OneAndMore(Counts):
    def update(self, sample: Any, weight: float = 1.0) -> None:
        assert weight == 1
        self.see(*sample)


class TwoAndMore(Counts):
    def update(self, predictions: Any, labels: Any = None, weight: Any = None) -> None:
        assert weight is None
        self.see(predictions, labels)


class Any_(Counts):
    def update(self, *args: Any, **kwargs: Any) -> None:
        self.see(*args)


@pytest.mark.parametrize("kind", [Two, One, OneAndMore, TwoAndMore, Any_])
def test_update_is_called_as_it_wants_to_be(kind: type[Counts]) -> None:
    metric = given(kind())()
    metric.reset()
    metric.update(PREDICTIONS, LABELS)
    assert metric_value(metric) == 0.5
    metric.reset()
    metric.update(PREDICTIONS, np.array([1, 0]))
    assert metric_value(metric) == 1.0


def test_what_has_no_signature_is_given_two() -> None:
    assert not takes_one(max)


def test_each_pass_has_a_metric_of_its_own() -> None:
    """Trials and baseline may be under way at once; the user's object stays as it is."""
    users = Two()
    make = given(users)
    first, second = make(), make()
    first.update(PREDICTIONS, LABELS)
    second.update(PREDICTIONS, np.array([1, 0]))
    assert (first.result(), second.result()) == (0.5, 1.0)
    assert users.count == 0


def test_what_can_not_be_copied_is_refused() -> None:
    users = Two()
    users.lock = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="Two can't be copied") as refused:
        given(users)
    assert "common.Metric(Class)" in refused.value.remedy


def test_a_class_is_made_anew_with_its_arguments() -> None:
    wanted = common.Metric(Two, name="right", scale=2.0)
    metric = Given(wanted, wanted.name)()
    metric.update(PREDICTIONS, LABELS)
    assert metric.result() == 1.0
    assert metric.name == "right"  # type: ignore[attr-defined]


def test_a_postprocess_comes_before() -> None:
    class Flip:
        def __init__(self, by: int) -> None:
            self.by = by

        def __call__(self, sample: Any) -> Any:
            predictions, labels = sample
            return predictions, self.by - labels

    post = common.Postprocess(Flip, by=1)
    metric = given(Two(), postprocess=post())()
    metric.update(PREDICTIONS, LABELS)
    assert metric.result() == 0.5


def test_arrays_are_tensors_of_the_framework_and_text_is_not() -> None:
    seen: list[Any] = []

    class Sees(Two):
        def update(self, predictions: Any, labels: Any) -> None:
            seen.append((predictions, labels))

    metric = given(Sees, tensor=lambda array: ("tensor", array.shape))()
    metric.update((PREDICTIONS, PREDICTIONS), {"names": np.array(["a"]), "k": [LABELS]})
    predictions, labels = seen[0]
    assert predictions == (("tensor", (2, 2)), ("tensor", (2, 2)))
    assert labels["names"].tolist() == ["a"]
    assert labels["k"] == [("tensor", (2,))]


@pytest.mark.parametrize("result", [[0.5], np.float32(0.5), [0.5, 0.7], np.array(0.5)])
def test_a_result_is_a_number_or_begins_with_it(result: Any) -> None:
    class Gives(Two):
        def result(self) -> Any:
            return result

    assert metric_value(given(Gives())()) == 0.5


@pytest.mark.parametrize("result", [[], "text", None])
def test_what_is_no_number_is_refused(result: Any) -> None:
    class Gives(Two):
        def result(self) -> Any:
            return result

    with pytest.raises(MetricError):
        metric_value(given(Gives())())


def test_a_metric_that_fails_without_labels_is_told_what_labels_are_called() -> None:
    with pytest.raises(MetricError, match="the data has no labels") as caught:
        update_metric(given(Two())(), (PREDICTIONS,), None)
    assert "NoneType" in caught.value.message
    assert "label, labels, y, target or targets" in caught.value.remedy


def test_what_is_no_metric_is_refused() -> None:
    with pytest.raises(UsageError, match="which has no update"):
        given(object())


def test_a_class_that_is_no_metric_is_named() -> None:
    class Endless:
        def update(self, predictions: Any, labels: Any) -> None: ...

    for metric in (Endless, Endless()):
        said = r"the metric is Endless, which has no result\(\)"
        with pytest.raises(UsageError, match=said):
            given(metric)
