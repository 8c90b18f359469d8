"""The history of a search in a file: what it gives back, wherever it was cut off."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.jsonl import decoded, encoded
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    evaluation,
    evaluation_data,
)
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.record.recorded import (
    DEATHS,
    Past,
    Recorded,
    history_path,
    key_of,
    resumed,
)
from narrowcast.runtime.search.history import Attempt, History, Outcome

FP32, BF16, FP16 = Precision.FP32, Precision.BF16, Precision.FP16
HEADER = {"format": 1, "narrowcast": "1", "name": "net", "spec": "s", "script": "x"}

floats = st.floats()
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit; NaN equals NaN."""
    return repr(a) == repr(b)


@given(plain)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    assert same(decoded(encoded(value)), value)


@given(plain)
def test_lines_are_strict_json(value: Any) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(encoded(value), parse_constant=refuse)
    assert b"\n" not in encoded(value)


def test_numpy_numbers_are_numbers() -> None:
    value = {
        "a": np.float32(0.1),
        "b": (np.int64(3), np.bool_(True), np.float64("inf")),
    }
    assert decoded(encoded(value)) == {
        "a": float(np.float32(0.1)),
        "b": [3, True, math.inf],
    }


@given(st.lists(floats, max_size=4) | st.none(), floats)
def test_an_evaluation_comes_back_with_its_scores(
    scores: list[float] | None, value: float
) -> None:
    given_ = None if scores is None else np.array(scores, np.float64)
    made = Evaluation("top-1", value, 4, True, given_, (0.0, 1.0), False)
    found = evaluation(decoded(encoded(evaluation_data(made))))
    assert same(found, made)
    assert same(found.scores, given_)
    assert found.bounds == made.bounds


@pytest.mark.parametrize(
    ("plan", "history"),
    [
        ("net.plan.json", "net.trials.jsonl"),
        ("other.json", "other.trials.jsonl"),
        ("lock", "lock.trials.jsonl"),
    ],
)
def test_the_history_is_beside_the_plan(plan: str, history: str) -> None:
    assert history_path(Path("a") / plan) == Path("a") / history


# A search that is deterministic but for what it asks the history


def attempt(number: int, *low: str, precision: Precision = BF16) -> Attempt:
    names = "abcde"
    placement = {name: precision if name in low else FP32 for name in names}
    reason = Reason(Why.RANGE, "reaches 1e39", 1e39)
    pins = {name: reason for name in names if name not in low}
    return Attempt(number, precision, pins, placement)


@dataclass
class Searching:
    """Five trials and two measurements, none of which comes out twice the same."""

    drawn: list[float]
    made: list[str] = field(default_factory=list)

    def outcome(self, number: int) -> Callable[[], Outcome]:
        def make() -> Outcome:
            self.made.append(f"trial {number}")
            value = self.drawn.pop()
            scores = np.array([value])
            found = Evaluation("top-1", value, 9, True, scores)
            failed = Outcome(None, "RuntimeError: no kernel\nat x", value)
            return failed if number == 2 else Outcome(found, elapsed=value)

        return make

    def step(self, name: str) -> Callable[[], Any]:
        def make() -> Any:
            self.made.append(name)
            return {"seconds": self.drawn.pop(), "inf": math.inf, "pair": (1, 2)}

        return make

    def run(self, history: History) -> list[Any]:
        lows = ("abcde", "abcd", "abc", "ab", "a")
        return [
            history.remember("costs", self.step("costs")),
            *(
                history.trial(attempt(k, *low), self.outcome(k))
                for k, low in enumerate(lows, start=1)
            ),
            history.remember("time", self.step("time")),
        ]


def drawn(seed: int) -> list[float]:
    return list(np.random.default_rng(seed).uniform(size=20))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], bytes]:
    path = tmp_path_factory.mktemp("whole") / "h.jsonl"
    return Searching(drawn(0)).run(Recorded(path, HEADER)), path.read_bytes()


def test_what_is_found_is_what_would_be_given_back(whole: Any, tmp_path: Path) -> None:
    found, data = whole
    (tmp_path / "h.jsonl").write_bytes(data)
    again = Searching([])
    history = resumed(tmp_path / "h.jsonl", HEADER)
    assert history is not None
    assert same(again.run(history), found)
    assert again.made == []
    assert (tmp_path / "h.jsonl").read_bytes() == data


@pytest.mark.nightly
def test_a_history_cut_off_at_any_byte_gives_back_what_it_holds(
    whole: Any, tmp_path: Path
) -> None:
    """What is whole is given back and not found out again, the rest is found anew."""
    found, data = whole
    path = tmp_path / "h.jsonl"
    names = ["costs", *(f"trial {k}" for k in range(1, 6)), "time"]
    for size in range(len(data)):
        path.write_bytes(data[:size])
        lines = [json.loads(line) for line in data[:size].split(b"\n")[:-1]]
        kept = sum("step" in line or "result" in line for line in lines)
        searching = Searching(drawn(1))
        history = resumed(path, HEADER) or Recorded(path, HEADER)
        again = searching.run(history)
        assert same(again[:kept], found[:kept])
        assert searching.made == names[kept:]
        last = resumed(path, HEADER)
        assert last is not None
        assert same(Searching([]).run(last), again)


def test_a_trial_is_written_as_started_before_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    seen = []

    def make() -> Outcome:
        seen.append(path.read_bytes())
        return Outcome(None, "no")

    Recorded(path, HEADER).trial(attempt(1, "a"), make)
    last = json.loads(seen[0].splitlines()[-1])
    assert last == {
        "trial": 1,
        "precision": "bf16",
        "low": ["a"],
        "pins": [
            {
                "why": "range",
                "text": "reaches 1e39",
                "number": 1e39,
                "ops": list("bcde"),
            }
        ],
    }


def test_a_step_is_written_before_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    Recorded(path, HEADER).remember("costs", lambda: 3.0)
    assert json.loads(path.read_bytes().splitlines()[-1]) == {
        "step": "costs",
        "value": 3.0,
    }


class Killed(BaseException):
    """Stands for the end of the process: nothing is written after it."""


def die(history: Recorded, number: int = 1) -> None:
    """Start a trial, and leave the file as a killed process would."""
    size = []

    def make() -> Outcome:
        size.append(history.path.stat().st_size)
        raise Killed

    with pytest.raises(Killed):
        history.trial(attempt(number, "a"), make)
    data = history.path.read_bytes()
    history.path.write_bytes(data[: size[0]])


def test_a_trial_that_killed_the_process_twice_has_failed(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    die(Recorded(path, HEADER))
    for _ in range(DEATHS - 1):
        again = resumed(path, HEADER)
        assert again is not None
        die(again)
    last = resumed(path, HEADER)
    assert last is not None
    searching = Searching(drawn(0))
    outcome = last.trial(attempt(1, "a"), searching.outcome(1))
    assert outcome.evaluation is None
    assert outcome.failure == "the process died in it twice"
    assert searching.made == []
    other = last.trial(attempt(2, "b"), searching.outcome(1))
    assert other.evaluation is not None
    known = resumed(path, HEADER)
    assert known is not None
    assert known.trial(attempt(1, "a"), searching.outcome(1)) == outcome


def test_an_interrupted_trial_did_not_die(tmp_path: Path) -> None:
    """However often: it is made again."""
    path = tmp_path / "h.jsonl"

    def interrupt() -> Outcome:
        raise KeyboardInterrupt

    for _ in range(DEATHS + 1):
        history = resumed(path, HEADER) or Recorded(path, HEADER)
        with pytest.raises(KeyboardInterrupt):
            history.trial(attempt(1, "a"), interrupt)
    last = resumed(path, HEADER)
    assert last is not None
    searching = Searching(drawn(0))
    assert last.trial(attempt(1, "a"), searching.outcome(1)).evaluation is not None


def test_a_trial_that_died_once_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "h.jsonl"
    die(Recorded(path, HEADER))
    again = resumed(path, HEADER)
    assert again is not None
    assert again.trial(attempt(1, "a"), lambda: Outcome(None, "ok")).failure == "ok"


def test_precisions_are_told_apart(tmp_path: Path) -> None:
    """Two searches may share a history, each with trials of its own from 1 on."""
    history = Recorded(tmp_path / "h.jsonl", HEADER)
    for precision in (BF16, FP16):
        asked = attempt(1, precision=precision)
        outcome = history.trial(asked, lambda p=precision: Outcome(None, str(p)))
        assert outcome.failure == str(precision)
    again = resumed(tmp_path / "h.jsonl", HEADER)
    assert again is not None
    assert again.trials == history.trials


@given(st.dictionaries(st.text(max_size=3), st.booleans(), max_size=6))
def test_a_placement_comes_back_from_its_smaller_side(low: dict[str, bool]) -> None:
    placement = {name: BF16 if is_low else FP32 for name, is_low in low.items()}
    _low, _side, names, int8 = key_of(BF16, placement)
    assert not int8
    assert len(names) <= len(placement) / 2
    assert Past(1, key_of(BF16, placement), {}).placement(placement) == placement


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"spec": "t"}, "another spec"),
        ({"script": "y"}, "another script"),
        ({"name": "m"}, "another model"),
        ({"format": 2}, "no history of format 2"),
    ],
)
def test_a_history_of_something_else_is_refused(
    tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    path = tmp_path / "h.jsonl"
    Recorded(path, HEADER).remember("costs", lambda: 1)
    with pytest.raises(UsageError, match=what) as caught:
        resumed(path, {**HEADER, **change})
    assert "--search" in caught.value.remedy


@pytest.mark.parametrize(
    "line",
    [b"{", b"3", b'{"trial": 1}', b'{"step": "x"}', b'{"step": "x", "value": NaN}'],
)
def test_a_damaged_line_is_an_error_with_a_way_out(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "h.jsonl"
    Recorded(path, HEADER).remember("costs", lambda: 1)
    path.write_bytes(path.read_bytes() + line + b'\n{"step": "y", "value": 1}\n')
    with pytest.raises(UsageError, match=r"h\.jsonl is damaged") as caught:
        resumed(path, HEADER)
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b"", b"{", b'{"format": 1'])
def test_a_history_that_never_began_is_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "h.jsonl"
    assert resumed(path, HEADER) is None
    path.write_bytes(data)
    assert resumed(path, HEADER) is None


def test_a_new_history_replaces_the_old_one_when_it_is_first_used(
    tmp_path: Path,
) -> None:
    path = tmp_path / "h.jsonl"
    path.write_text("old")
    history = Recorded(path, HEADER)
    assert path.read_text() == "old"

    def make() -> int:
        assert path.read_bytes() == encoded(HEADER) + b"\n"
        return 1

    history.remember("costs", make)
    assert len(path.read_bytes().splitlines()) == 2


def test_a_full_disk_is_a_usage_error(tmp_path: Path) -> None:
    history = Recorded(tmp_path / "h.jsonl", HEADER)
    history.remember("costs", lambda: 1)
    history.path.unlink()
    history.path.mkdir()
    with pytest.raises(UsageError, match="can't write"):
        history.remember("other", lambda: 1)
