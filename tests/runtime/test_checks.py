"""What was saved is checked alike by processes that make all anew, and by one that is
handed the batches."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from narrowcast.runtime.common.errors import DataError, MetricError, ModelError
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run.slots.checks import Afresh, Checks, Handed, Timing
from narrowcast.runtime.run.slots.slots import Slots

MODULE = """
import os
from types import SimpleNamespace

import numpy as np

from narrowcast.runtime.evaluation.metrics.mse import MSE as metric

class Counting:
    '''Its outputs depend on how many batches it saw.'''
    def __init__(self, weight):
        self.weight, self.seen = weight, 0

    def restart(self):
        self.seen = 0

    def __call__(self, inputs):
        self.seen += 1
        return (inputs[0] * self.weight + self.seen,)

def load_model():
    return np.float32(1.5)

def predictor(model, inputs=()):
    return Counting(model)

def load_saved(path):
    return Counting(np.float32(path.read_text()))

def batches():
    everything = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    for start in (0, 4, 8):
        part = everything[start : start + 4]
        yield (part,), part * 2

def unreadable():
    yield from batches()
    raise OSError("the disk is gone")

class Broken(metric):
    def update(self, predictions, labels):
        raise ZeroDivisionError("no samples")

def dies(path):
    return lambda inputs: os._exit(3)

def fails(path):
    def predict(inputs):
        raise ValueError("no such size")
    return predict

def damaged(path):
    raise ModuleNotFoundError("no module named gone")

def endless(path):
    return lambda inputs: (np.full_like(inputs[0], np.inf),)

adapter = SimpleNamespace(predictor=predictor)
"""

BOTH = pytest.mark.parametrize("checks", [Afresh(), Handed()], ids=["afresh", "handed"])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("checks")
    (folder / "checked_net.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("checked_net")


@pytest.fixture
def slots(work: ModuleType) -> Slots:
    inputs = (Input("x", ("batch", 3)),)
    return Slots(work.adapter, work.load_model, work.batches, inputs, Sources())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "net").write_text("1.25")
    return tmp_path / "net"


def test_both_find_the_same(slots: Slots, saved: Path, work: ModuleType) -> None:
    mine = replace(
        slots, batches=lambda: work.batches()
    )  # what no process can be given
    found = Afresh().score(slots, work.load_saved, saved, work.metric)
    same = Handed().score(mine, work.load_saved, saved, lambda: work.metric())
    assert same == found
    assert (same.data, same.full, same.finite) == (found.data, True, True)
    assert found.scores is not None
    assert same.scores is not None
    assert (same.scores == found.scores).all()
    first = Afresh().first_outputs(slots, work.load_saved, saved)
    also = Handed().first_outputs(mine, work.load_saved, saved)
    assert [(each.dtype, each.tolist()) for each in first] == [
        (each.dtype, each.tolist()) for each in also
    ]


@BOTH
def test_both_time_what_was_saved_beside_fp32(
    slots: Slots, saved: Path, work: ModuleType, checks: Checks
) -> None:
    timing = Timing(
        work.load_saved,
        {"result": saved},
        time.perf_counter,
        (work.load_saved, saved),
    )
    found = checks.time(slots, work.load_model(), timing)
    assert list(found) == ["fp32", "result", "compiled"]


@pytest.mark.few(2)
@BOTH
@pytest.mark.parametrize(
    ("load", "said"),
    [
        ("dies", "the process that opened the saved model died: exit code 3"),
        ("fails", "the saved model fails on the data: ValueError: no such size"),
        ("damaged", "the saved model can't be opened: ModuleNotFoundError: no module"),
    ],
)
def test_both_say_the_same_of_a_model(
    slots: Slots, saved: Path, work: ModuleType, checks: Checks, load: str, said: str
) -> None:
    with pytest.raises(ModelError) as caught:
        checks.score(slots, getattr(work, load), saved, work.metric)
    assert caught.value.message.startswith(said)
    with pytest.raises(ModelError) as caught:
        checks.first_outputs(slots, getattr(work, load), saved)
    assert caught.value.message.startswith(said.replace("the data", "made-up inputs"))


@BOTH
def test_both_see_what_is_not_finite(
    slots: Slots, saved: Path, work: ModuleType, checks: Checks
) -> None:
    found = checks.score(slots, work.endless, saved, work.metric)
    assert not found.finite


@BOTH
def test_both_blame_the_data_and_the_metric(
    slots: Slots, saved: Path, work: ModuleType, checks: Checks
) -> None:
    broken = replace(slots, batches=work.unreadable)
    with pytest.raises(DataError, match="the disk is gone"):
        checks.score(broken, work.load_saved, saved, work.metric)
    with pytest.raises(MetricError, match="no samples"):
        checks.score(slots, work.load_saved, saved, work.Broken)


def test_it_is_said_where_things_are_timed() -> None:
    assert Handed().timed_where
    assert not Afresh().timed_where
