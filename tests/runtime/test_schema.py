"""A well-formed history with wrong types in it: refused by line, whatever it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from toy import Toy

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.jsonl import decoded, encoded
from narrowcast.runtime.record.recorded import resumed
from narrowcast.runtime.record.schema import step_shape, wrong

OTHERS: dict[type, list[Any]] = {
    dict: [None, 1, "x", []],
    list: [None, 1, "x", {}],
    str: [None, 1, [], {}],
    bool: [None, 2, "x", [], {}],
    int: [None, "x", [], {}, True],
    float: [None, "x", [], {}, True],
}
"""Of each type values that are of none that would do."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("whole"))
    assert toy.run().code == 0
    return toy


@pytest.fixture(scope="module")
def lines(whole: Toy) -> list[Any]:
    return [decoded(line) for line in whole.history.read_bytes().splitlines()]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place; of many alike the first two."""
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value[:2]))
    for key, each in items:
        yield from places(each, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_every_step_has_a_shape(lines: list[Any]) -> None:
    steps = [line["step"] for line in lines if "step" in line]
    assert {name.split()[0] for name in steps} == {
        *("baseline", "files", "machine", "graph", "question", "forms", "costs"),
        *("ranges", "estimates", "check", "time", "score"),
    }
    assert all(map(step_shape, steps))
    assert [wrong(line) for line in lines[1:]] == [""] * (len(lines) - 1)


def test_another_type_anywhere_is_refused(lines: list[Any], tmp_path: Path) -> None:
    """With the number of the line, and what is wrong in it."""
    path, tried = tmp_path / "net.trials.jsonl", 0
    for number, line in enumerate(lines[1:], start=2):
        for place in places(line):
            if not place or place == ("step",):
                continue
            for other in OTHERS.get(type(at(line, place)), ()):
                changed = deepcopy(line)
                at(changed, place[:-1])[place[-1]] = other
                if other is None and place[-1] in ("zeros", "again", "number", "costs"):
                    continue
                if not wrong(changed):
                    assert place[-1] == 2, (place, other)  # of a reason: its number
                    continue
                tried += 1
                if tried % 25 == 0:
                    all_ = [*lines[: number - 1], changed, *lines[number:]]
                    path.write_bytes(b"".join(encoded(each) + b"\n" for each in all_))
                    with pytest.raises(UsageError, match=f"damaged in line {number}: "):
                        resumed(path, lines[0])
    assert tried > 1000


def test_what_is_missing_or_unknown_is_refused(lines: list[Any]) -> None:
    for line in lines[1:]:
        for place in places(line):
            inner = at(line, place)
            if not isinstance(inner, dict) or place[-1:] == ("score",):
                continue
            for key in list(inner):
                changed = deepcopy(line)
                del at(changed, place)[key]
                loose = {"data", "scores", "bounds", "failure", "number", "prepared"}
                loose |= {"samples"}  # a function's own data is not counted
                loose |= {"longer"}  # histories of before lack it
                open_ = {"files", "machine", "forms", "costs", "question", "longer"}
                free = open_ & {str(line.get("step", "")).split(" ")[0], *place}
                if key in loose or free or key == "rules":
                    continue
                assert wrong(changed), (place, key)


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("step", "place", "value", "said"),
    [
        ("baseline", ("found", "value"), "0.9", "baseline.found.value is '0.9'"),
        ("baseline", ("found", "scores"), [0, "x"], "baseline.found.scores[1] is 'x'"),
        ("costs bf16", ("costs", "ops"), {"head": {"int4": 1}}, "not a precision"),
        ("ranges bf16", ("pins",), {"head": ["boredom", "", None]}, "not a reason"),
        ("estimates bf16", ("passes",), -1, "estimates bf16.passes is -1"),
        ("time", ("latency",), {}, "has no fp32"),
        ("time", ("latency", "result", "median"), -1.0, "is -1.0, not a time"),
        ("check", ("finite",), 1, "finite is 1, not true or false"),
        ("ranges bf16", ("pins",), {"nose": ["user", "", None]}, "nose is no op"),
    ],
)
def test_a_run_says_the_line_and_delivers_nothing(
    whole: Toy, tmp_path: Path, step: str, place: Any, value: Any, said: str
) -> None:
    toy = Toy(tmp_path)
    lines = whole.lines
    (changed,) = (x for x in lines if x.get("step", "").split(" net")[0] == step)
    at(changed["value"], place[:-1])[place[-1]] = value
    toy.history.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = toy.run("--resume")
    assert (done.code, done.out) == (2, ""), done.err
    assert "error[NC603]: net.trials.jsonl is damaged" in done.err
    assert said in done.err
    assert "Traceback" not in done.err
    assert not toy.plan.exists()


def test_a_trial_that_never_began_is_refused(lines: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "net.trials.jsonl"
    started = next(k for k, line in enumerate(lines) if "pins" in line)
    left = [line for k, line in enumerate(lines) if k != started]
    path.write_bytes(b"".join(encoded(each) + b"\n" for each in left))
    with pytest.raises(UsageError, match=r"line \d+: trial 1 ends, which never began"):
        resumed(path, lines[0])
