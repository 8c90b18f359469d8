"""Evaluation on an executor's workers: what one process finds, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import DataError, MetricError, ModelError
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.evaluation.sequential import paired_watch
from narrowcast.runtime.evaluation.sharding import (
    BATCHES,
    Job,
    LoadedModel,
    SavedModel,
    Workers,
)

Data = Callable[[], Iterator[Any]]


def predict(inputs: Any) -> Any:
    return (np.sin(inputs[0] * 1.7),)


def opened(path: Path) -> Any:
    return predict


MODEL = SavedModel(opened, Path("net.pt2"))


def data(sizes: list[int]) -> Data:
    def batches() -> Iterator[Any]:
        random = np.random.default_rng(len(sizes))
        for size in sizes:
            values = random.normal(size=(size, 3)).astype(np.float32)
            yield (values,), np.sin(values * 1.6)

    return batches


class Correlation:
    """A metric that is no mean over samples, and depends on the order."""

    def reset(self) -> None:
        self.total = 0.0

    def update(self, predictions: Any, labels: Any) -> None:
        self.total = self.total / 3 + float((predictions * labels).mean())

    def result(self) -> float:
        return self.total


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(3) as made:
        yield made


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5 * BATCHES),
    st.integers(1, 6),
    st.sampled_from([MSE, Correlation]),
)
def test_it_is_what_one_process_finds(
    executor: Executor, sizes: list[int], count: int, metric: Any
) -> None:
    batches = data(sizes)
    found = Workers(count, executor).evaluate(Job(MODEL, batches, metric))
    alone = evaluate(predict, batches, metric)
    assert found == alone
    assert (found.scores is None) == (alone.scores is None)
    if found.scores is not None and alone.scores is not None:
        assert found.scores.tobytes() == alone.scores.tobytes()


def test_batches_are_ticked_in_order(executor: Executor) -> None:
    told: list[int] = []
    Workers(2, executor).evaluate(Job(MODEL, data([2] * 11), MSE), told.append)
    assert told == list(range(1, 12))


def labelled() -> Iterator[Any]:
    for _batch in range(240):
        yield (np.zeros((5, 2), np.float32),), np.zeros(5, np.int64)


def test_an_early_stop_comes_where_it_comes_in_one_process(executor: Executor) -> None:
    def right(inputs: Any) -> Any:
        return (np.tile(np.eye(3, dtype=np.float32)[0], (len(inputs[0]), 1)),)

    def worse(inputs: Any) -> Any:
        (outputs,) = right(inputs)
        outputs[::5] = np.eye(3)[1]
        return (outputs,)

    baseline = evaluate(right, labelled, TopK)

    def watch() -> Any:
        return paired_watch(baseline, Criterion(absolute=0.05), 0.05)

    job = Job(SavedModel(lambda path: worse, Path("net.pt2")), labelled, TopK)
    found = Workers(2, executor).evaluate(job, watch=watch())
    assert found == evaluate(worse, labelled, TopK, watch=watch())
    assert not found.full
    assert BATCHES * 5 < found.samples < 240 * 5


@pytest.mark.parametrize(
    ("sizes", "metric", "error", "message"),
    [
        ([], MSE, DataError, "the data has no batch"),
        ([2] * 9, partial(TopK, 5), DataError, "top-5 of 3 classes"),
        ([2] * 9, dict, MetricError, "the metric failed"),
    ],
)
def test_what_fails_is_what_fails_in_one_process(
    executor: Executor, sizes: list[int], metric: Any, error: type, message: str
) -> None:
    for run in (
        lambda: Workers(2, executor).evaluate(Job(MODEL, data(sizes), metric)),
        lambda: evaluate(predict, data(sizes), metric),
    ):
        with pytest.raises(error, match=message):
            run()


def test_a_model_that_fails_is_as_it_was_raised(executor: Executor) -> None:
    def fails(path: Path) -> Any:
        raise RuntimeError("no kernel")

    job = Job(SavedModel(fails, Path("net.pt2")), data([2]), MSE)
    with pytest.raises(RuntimeError, match="no kernel"):
        Workers(2, executor).evaluate(job)


class Dying(Executor):
    """Its workers die at the third task."""

    def __init__(self, executor: Executor) -> None:
        self.executor, self.tasks = executor, 0

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:  # type: ignore[override]
        self.tasks += 1
        if self.tasks < 3:
            return self.executor.submit(*args, **kwargs)
        died: Future[Any] = Future()
        died.set_exception(BrokenProcessPool("a child was killed"))
        return died


def test_a_death_is_an_error_that_says_what_to_do(executor: Executor) -> None:
    workers = Workers(2, Dying(executor))
    with pytest.raises(ModelError, match="BrokenProcessPool: a child was killed") as e:
        workers.evaluate(Job(MODEL, data([2] * 40), MSE))
    assert e.value.message.endswith(f"(they evaluated {MODEL})")
    assert "fewer workers or a smaller batch_size" in str(e.value)
    assert "importable" not in str(e.value)  # they began


def test_an_executor_that_was_shut_down_is_said() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ModelError, match="cannot schedule new futures") as e:
        Workers(2, executor).evaluate(Job(MODEL, data([2]), MSE))
    assert "must be importable there" in e.value.remedy


def test_a_workers_death_names_the_model_that_it_had() -> None:
    assert str(SavedModel(opened, Path("made/net.pt2"))) == "net.pt2"
    assert (
        str(LoadedModel(dict, lambda model, inputs: predict, ()))
        == "the model as loaded"
    )


def test_tasks_in_any_order_give_the_same(executor: Executor) -> None:
    """A cluster may start later tasks first; a worker then reads the data anew."""

    class Backwards(Executor):
        waiting: list[tuple[Any, Future[Any]]]

        def __init__(self) -> None:
            self.waiting = []

        def submit(self, function: Any, *args: Any) -> Future[Any]:  # type: ignore[override]
            future: Future[Any] = Future()
            self.waiting.append((lambda: function(*args), future))
            if len(self.waiting) == 2:
                for call, made in reversed(self.waiting):
                    made.set_result(call())
                self.waiting = []
            return future

    batches = data([3] * (8 * BATCHES - 1))
    found = Workers(1, Backwards()).evaluate(Job(MODEL, batches, MSE))
    assert found == evaluate(predict, batches, MSE)
