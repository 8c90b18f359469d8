"""Whole runs judged by drift from fp32's own outputs: the toy of `tests/shared`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy import KILLED, Done, Toy

DRIFT = json.dumps({"relative_error": 0.02, "least_cosine": 0.9, "sqnr": 25})
ASKED = {"METRIC": "MSE to fp32", "TOLERANCE": "0.5", "DRIFT": DRIFT}


def numbers(done: Done) -> dict[str, dict[str, float]]:
    """What the report says of each number."""
    assert done.code == 0, done.err
    report = json.loads(done.out)
    return {each["metric"]: each for each in report["judgement"]["numbers"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, Done]:
    toy = Toy(tmp_path_factory.mktemp("whole"))
    return toy, toy.run("--json", **ASKED)


def test_every_number_is_judged(whole: tuple[Toy, Done]) -> None:
    found = numbers(whole[1])
    assert list(found) == ["MSE to fp32", "least cosine", "SQNR", "relative error"]
    assert all(each["holds"] for each in found.values())
    assert 0 < found["relative error"]["result"] <= 0.02
    assert 25 <= found["SQNR"]["result"] < 300
    assert found["MSE to fp32"]["fp32"] == 0 < found["MSE to fp32"]["result"]
    assert json.loads(whole[1].out)["ops_low"]
    # What was kept of fp32's outputs is gone.
    assert not list(whole[0].folder.glob("candidate-*"))


@pytest.mark.nightly
def test_a_replay_says_it_in_words(whole: tuple[Toy, Done]) -> None:
    toy, done = whole
    found = numbers(done)
    text = toy.run(**ASKED).out
    error = found["relative error"]["result"]
    assert f"  accuracy   relative error {error:.4g}  (at most 0.02: cr" in text
    assert "  accuracy   MSE to fp32 0.0000 -> " in text
    plan = json.loads(toy.plan.read_text())["judgement"]
    assert {each["metric"] for each in plan["parts"]} == set(found)


def test_what_nothing_judges_is_warned_of_by_the_op_that_adds_most(
    tmp_path: Path,
) -> None:
    toy = Toy(tmp_path)
    done = toy.run("--json", METRIC="")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    (warning,) = [each for each in report["warnings"] if "and nothing judges" in each]
    assert "of the squared error. Judge on data" in warning
    assert report["worst"]["op"] in warning and report["drift"] > 0.05
    plan = json.loads(toy.plan.read_text())["drift"]
    assert plan == {"output_error": report["drift"], "worst": report["worst"]}


@pytest.mark.nightly
def test_drift_alone_by_workers(tmp_path: Path, whole: tuple[Toy, Done]) -> None:
    done = Toy(tmp_path).run("--json", "--workers", "2", **{**ASKED, "METRIC": ""})
    found = numbers(whole[1])
    del found["MSE to fp32"]
    assert numbers(done) == found


@pytest.mark.nightly
def test_a_search_that_was_killed_goes_on_with_the_same_numbers(
    tmp_path: Path, whole: tuple[Toy, Done]
) -> None:
    toy = Toy(tmp_path)
    assert toy.run(KILL="trial 2", **ASKED).code == KILLED
    assert numbers(toy.run("--resume", "--json", **ASKED)) == numbers(whole[1])
