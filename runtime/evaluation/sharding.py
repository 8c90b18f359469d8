"""Evaluation on several workers of a `concurrent.futures.Executor`, sharded by sample.

Each task is a run of consecutive batches. A worker keeps the model and its place in the
data from task to task; it reads the batches of others past, without predicting. Results
are gathered in the data's order, as they are in one process: metric, early stop and
failures are the same.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from ..common.errors import ModelError, NarrowcastError
from ..common.places import described
from ..common.processes.fresh import interrupts_stay_here, portable
from ..common.processes.main_module import in_main, main_runs_once
from ..common.processes.parent import end_with_parent
from ..common.telling.heartbeat import beating
from ..common.telling.waiting import limit, limit_reading, waiting
from ..frameworks.inputs import Input
from ..frameworks.protocol import LoadSaved, Predict
from .batches import Batches, held_to
from .evaluation import (
    Beside,
    Evaluation,
    Gatherable,
    Tick,
    Watch,
    gather,
    predictions,
    scored_apart,
    zeroed,
)
from .metrics.metric import Metric

Save = Callable[[Any, Path], Path]
"""Writes a converted model and says where it is."""

Predictor = Callable[[Any, Sequence[Input]], Predict]
"""Makes a model as loaded callable on batches of the declared inputs."""

BATCHES = 4
"""Batches of one task: enough to hide what a task costs, few enough to stop early."""

AHEAD = 2
"""Tasks that wait or run for each worker."""

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


@dataclass(frozen=True, slots=True)
class SavedModel:
    """Opens what was saved."""

    load_saved: LoadSaved
    path: Path

    def __str__(self) -> str:
        return self.path.name

    def __call__(self) -> Predict:
        return self.load_saved(self.path)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Opens the user's model as the script loads it."""

    load_model: Callable[[], Any]
    predictor: Predictor
    inputs: Sequence[Input]

    def __str__(self) -> str:
        return "the model as loaded"

    def __call__(self) -> Predict:
        return self.predictor(self.load_model(), self.inputs)


@dataclass(frozen=True, slots=True)
class Job:
    """One evaluation; all that a worker needs, pickled with each task.

    Attributes:
        inputs: If given, every batch is held against what is declared here.
        zeros: Score zeros in place of the outputs too.
        token: Tells evaluations apart.
    """

    opens: SavedModel | LoadedModel
    batches: Batches
    metric: Callable[[], Metric]
    inputs: Sequence[Input] = ()
    zeros: bool = False
    token: str = field(default_factory=lambda: uuid4().hex)

    @property
    def data(self) -> Batches:
        """The batches, checked."""
        return held_to(self.batches, self.inputs) if self.inputs else self.batches


class _Place(threading.local):
    """What a worker keeps: the model that it opened, and where it is in the data."""

    token = ""
    predict: Predict
    position = 0
    results: Iterator[Callable[[], Gatherable]]


_place = _Place()


def work(job: Job, start: int, stop: int) -> list[Gatherable] | Exception:
    """Evaluate batches `start` to `stop`; fewer come back where the data ends.

    What fails is returned: an executor may not survive an exception that it can't
    pickle.
    """
    try:
        if _place.token != job.token:
            _place.token = ""
            _place.predict = job.opens()
        if _place.token != job.token or _place.position > start:
            _place.results = predictions(_place.predict, job.data)
            _place.token, _place.position = job.token, 0
        found = []
        for predicted in _place.results:
            _place.position += 1
            if _place.position > start:
                found.append(_scored(predicted(), job))
            if _place.position == stop:
                break
        return found
    except BaseException as error:
        _place.token = ""
        told = portable(error)
        return told if isinstance(told, Exception) else RuntimeError(described(error))


def _scored(batch: Gatherable, job: Job) -> Gatherable:
    found = scored_apart(batch, job.metric)
    if not job.zeros or found.scores is None:
        return found
    with suppress(NarrowcastError):  # then zeros have no score
        return replace(found, zeros=scored_apart(zeroed(batch), job.metric))
    return found


@dataclass
class Workers:
    """Where evaluations are sharded.

    Attributes:
        count: Workers to keep busy.
        given: The user's executor; without one, processes of our own.
    """

    count: int
    given: Executor | None = None
    _own: Executor | None = field(default=None, repr=False)
    _runs_main: bool = field(default=False, repr=False)

    def evaluate(
        self,
        job: Job,
        tick: Tick = lambda number: None,
        watch: Watch | None = None,
        beside: Beside = lambda batch: None,
    ) -> Evaluation:
        """Score a model as `evaluation.evaluate` does in one process.

        Raises:
            DataError: The data is empty or can't be read.
            MetricError: The metric fails on these outputs.
            ModelError: A worker died.
        """
        with closing(self._results(job)) as results:
            return gather(results, job.metric, tick, watch, beside)

    def _results(self, job: Job) -> Generator[Gatherable, None, None]:
        """All batches in order."""
        self._let_run_main(job)
        waiting: deque[Future[list[Gatherable] | Exception]] = deque()
        start = 0
        try:
            while True:
                while len(waiting) < AHEAD * self.count:
                    waiting.append(self._submit(job, start))
                    start += BATCHES
                found = self._result(job, waiting.popleft())
                yield from found
                if len(found) < BATCHES:
                    return
        finally:
            for future in waiting:
                future.cancel()

    def _submit(self, job: Job, start: int) -> Future[list[Gatherable] | Exception]:
        if self.given is None and self._own is None:
            self._own = processes(self.count)
        executor = self.given or self._own
        assert executor is not None
        theirs = self.given is not None or self._runs_main
        # A process may start.
        with interrupts_stay_here(signal.SIGINT), main_runs_once(theirs):
            try:
                return executor.submit(work, job, start, start + BATCHES)
            except RuntimeError as error:  # one that broke, or was shut down
                raise self._failure(job, error) from error

    def _let_run_main(self, job: Job) -> None:
        """Begin anew where the processes don't have what the job needs."""
        if self.given is None and not self._runs_main and in_main(job):
            self.close()
            self._runs_main = True

    def _result(
        self, job: Job, future: Future[list[Gatherable] | Exception]
    ) -> list[Gatherable]:
        try:
            with waiting("waiting for the workers"):
                found = future.result()
        except Exception as error:
            raise self._failure(job, error) from error
        if isinstance(found, Exception):
            raise found
        return found

    def _failure(self, job: Job, error: Exception) -> ModelError:
        """What the executor itself raised: `work` raises nothing."""
        self.close()
        said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(". ")
        remedy = (
            "Where one ran out of memory, take fewer workers or a smaller batch_size."
        )
        if not isinstance(error, BrokenExecutor):
            remedy = f"What a script hands to them must be importable there. {remedy}"
        return ModelError(
            f"the workers failed: {said} (they evaluated {job.opens})", remedy
        )

    def close(self) -> None:
        """End the processes that are our own."""
        if self._own is not None:
            self._own.shutdown(cancel_futures=True)
            self._own = None


def processes(count: int) -> Executor:
    """New processes on this machine, each with its share of the CPU's threads."""
    from concurrent.futures import ProcessPoolExecutor

    threads = max(1, (os.cpu_count() or 1) // count)
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, _begin, (threads, limit()))


def _begin(threads: int, most: float | None) -> None:
    """Before a worker imports a framework: its threads, who ends it, and with whom.

    Args:
        most: Seconds that reading a batch may take.
    """
    for name in THREADS:
        os.environ.setdefault(name, str(threads))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    limit_reading(most)
    beating(lambda what, seconds: None).__enter__()  # as long as the worker lives
