"""What the data is: evidence taken on other data is not used."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from by_reference import Count, as_they_are, of_some_lengths, predictor
from toy import Toy

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.baseline import (
    Baseline,
    baseline_data,
    baseline_of,
)
from narrowcast.runtime.evaluation.batches import identity
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.identity import batch_digest, identity_of
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.sharding import Workers
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.record.recorded import Recorded
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run import Context, Options
from narrowcast.runtime.run.scoring import scored_as_loaded
from narrowcast.runtime.run.slots.slots import Slots

X = np.arange(12, dtype=np.float32).reshape(6, 2)


class Address:
    """Its repr has an address."""


SAME = [
    ((X,), None),
    ((X, X.astype(np.int64)), np.arange(6)),
    ({"a": X, "b": [X, 1.5]}, "a label"),
    ((X,), [{"boxes": X, "names": ["cat"]}, None]),
    ((np.array(["cat", "dog"], object),), np.array(["one"])),
    ((np.float64(3.0),), Address()),
    ((X[:0],), float("nan")),
    ((X[:, ::-1],), b"bytes"),
]

DIFFERENT = [
    (((X,), None), ((X + 1,), None)),
    (((X,), None), ((X,), 0)),
    (((X,), 1), ((X,), 1.0)),
    (((X,), "1"), ((X,), 1)),
    (((X,), None), ((X.astype(np.float64),), None)),
    (((X,), None), ((X.reshape(2, 6),), None)),
    (((X, X), None), ((X,), X)),
    (((X,), [1, 2]), ((X,), [[1], 2])),
    (((X,), {"a": 1}), ((X,), {"b": 1})),
    (((X,), np.array(["a"], object)), ((X,), np.array(["b"], object))),
    (((X,), np.array(["a"])), ((X,), np.array(["b"]))),
]


@pytest.mark.parametrize("batch", SAME)
def test_the_same_batch_has_the_same_digest(batch: Any) -> None:
    assert batch_digest(*batch) == batch_digest(*deepcopy(batch))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_batch_has_another_digest(one: Any, other: Any) -> None:
    assert batch_digest(*one) != batch_digest(*other)


def test_a_pass_that_ends_early_is_held_against_its_part_of_the_whole() -> None:
    whole = identity_of([b"a", b"b", b"c"])
    assert identity_of([b"a"]).begins(whole)
    assert identity_of([b"a", b"b", b"c"]).begins(whole)
    assert not identity_of([b"b"]).begins(whole)
    assert not identity_of([b"a", b"c"]).begins(whole)
    assert not identity_of([b"a", b"b", b"c", b"d"]).begins(whole)
    assert not whole.begins(identity_of([b"a"]))


def some_batches() -> Iterator[Any]:
    for k in range(3):
        yield (X + k,), X


def test_an_evaluation_says_what_it_saw() -> None:
    def writes(inputs: Any) -> Any:
        inputs[0][:] = 0.0  # a model may work in place
        return inputs

    found = evaluate(writes, some_batches, MSE)
    assert found.data == identity(some_batches)
    early = evaluate(writes, some_batches, MSE, watch=lambda scores: len(scores) > 6)
    assert early.data is not None
    assert early.data.batches == 2
    assert early.data.begins(identity(some_batches))


def test_a_baseline_comes_back_with_its_chain() -> None:
    found = evaluate(lambda inputs: inputs, some_batches, MSE)
    again = baseline_of(json.loads(json.dumps(baseline_data(Baseline(found, 0.5)))))
    assert again.found.data == found.data
    assert again.found.data is not None
    assert again.found.data.chain == identity(some_batches).chain


# Scripts: a dataset whose files no one names


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    made = Toy(tmp_path)
    script = tmp_path / "convert_net.py"
    text = script.read_text()
    old = "    generator = np.random.default_rng(3)\n"
    assert old in text
    new = '    generator = np.random.default_rng(int(os.environ["DATA"]))\n'
    script.write_text(text.replace(old, new))
    return made


def test_data_that_changed_is_not_resumed(toy: Toy) -> None:
    assert toy.run(DATA="3").code == 0
    before = toy.history.read_bytes()
    for option in ("--resume", "--trial=5"):
        refused = toy.run(option, DATA="4")
        assert (refused.code, refused.out) == (2, "")
        assert "net.trials.jsonl is the history of another search" in refused.err
        assert "the data changed, from batch 1 on" in refused.err
        assert "--search" in refused.err
    assert toy.history.read_bytes() == before
    assert toy.run("--resume", DATA="3").code == 0
    assert toy.run("--trial=5", DATA="3").code == 0


@pytest.mark.nightly
def test_a_search_that_was_killed_is_not_taken_up_with_other_data(toy: Toy) -> None:
    toy.run(DATA="3", KILL="trial 3")
    assert toy.run("--resume", DATA="4").code == 2
    assert toy.run("--resume", DATA="3").code == 0


@pytest.mark.nightly
def test_a_replay_is_scored_anew_and_says_that_the_data_changed(toy: Toy) -> None:
    assert toy.run(DATA="3").code == 0
    plan = json.loads(toy.plan.read_text())
    assert plan["data"]["batches"] == 3
    warned = "the data changed since the plan was made"
    assert warned not in toy.run(DATA="3").out
    again = toy.run("--json", DATA="4")
    assert any(warned in text for text in json.loads(again.out)["warnings"])
    del plan["data"]  # as plans were
    toy.plan.write_text(json.dumps(plan))
    assert warned not in toy.run(DATA="4").out


@pytest.mark.nightly
def test_workers_see_the_same_data(toy: Toy) -> None:
    toy.run(DATA="3")
    one = json.loads(toy.plan.read_text())["data"]
    done = toy.run("--search", "--workers", "2", DATA="3")
    assert done.code == 0, done.err
    assert json.loads(toy.plan.read_text())["data"] == one


def test_data_that_differs_from_pass_to_pass_is_said(toy: Toy) -> None:
    script = toy.folder / "convert_net.py"
    text = script.read_text()
    script.write_text(text.replace('int(os.environ["DATA"])', ""))
    done = toy.run("--max-trials", "2")
    assert "the data is not the same in each pass" in done.out


# Sizes that were judged


@pytest.mark.parametrize("workers", [None, 2])
def test_sizes_are_seen_by_whoever_scores_and_recorded_with_the_scores(
    tmp_path: Path, workers: int | None
) -> None:
    adapter: Any = SimpleNamespace(predictor=predictor)
    inputs = (Input(name="x", shape=("batch", "seq"), dtype="float32"),)
    slots = Slots(adapter, as_they_are, of_some_lengths, inputs, Sources())
    options = Options(tmp_path, tmp_path / "net.plan.json")
    context = Context(
        "net", tmp_path / "s.py", options, Terminal(io.StringIO()), time.perf_counter
    )
    context.workers = Workers(workers) if workers else None
    history = Recorded(tmp_path / "net.trials.jsonl", {"format": 3})
    context.history = history
    try:
        for _ in range(2):  # made, and read
            standard = scored_as_loaded(
                context, slots, as_they_are(), Count, Criterion(absolute=0.1)
            )
            assert dict(standard.sizes) == {"seq": (3, 7)}
    finally:
        context.discard()
    assert list(history.steps) == ["baseline"]  # one line: a kill parts nothing
