"""A search that is killed, interrupted, taken up again, and what its history is good for.

The script is `tests/shared/convert_toy.py`: its costs and its output errors are drawn
anew in each process, so that a plan comes out the same only from what is recorded.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from nightly import some
from toy import KILLED, Toy

OTHERWISE = {"COSTS": "2", "ERRORS": "2"}
"""A process that measures other costs and other errors than the first one."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A search that nothing disturbed."""
    toy = Toy(tmp_path_factory.mktemp("whole"))
    assert toy.run().code == 0
    return toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


@pytest.fixture
def done(whole: Toy, tmp_path: Path) -> Toy:
    """A copy of the search that nothing disturbed."""
    toy = Toy(tmp_path)
    for path in (whole.plan, whole.history, whole.folder / "net.json"):
        shutil.copy(path, tmp_path)
    return toy


def trials(toy: Toy, what: str) -> list[int]:
    """Numbers of the trials that have a line of this kind, in order."""
    return [line["trial"] for line in toy.lines if "trial" in line and what in line]


@pytest.mark.nightly
def test_measurements_differ_from_process_to_process(whole: Toy, toy: Toy) -> None:
    """Without which the tests below would show nothing."""
    assert toy.run(**OTHERWISE).code == 0
    assert toy.files != whole.files


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("point", "environ"),
    some(
        [
            ({"TORN": "14"}, OTHERWISE),  # in the middle of a line
            ({"KILL": "trace"}, {}),  # before the first trial
            ({"KILL": "apply"}, OTHERWISE),  # after a trial has passed
            ({"KILL": "trial 3"}, OTHERWISE),  # between "started" and its result
            ({"KILL": "check"}, OTHERWISE),  # in the final check
        ],
        every=3,
        several=True,
    ),
)
def test_a_killed_search_reaches_the_same_plan(
    whole: Toy, toy: Toy, point: dict[str, str], environ: dict[str, str]
) -> None:
    assert toy.run(**point).code == KILLED
    assert not toy.plan.exists()
    again = toy.run("--resume", **environ)
    assert again.code == 0, again.err
    assert toy.files == whole.files
    results = trials(toy, "result")
    assert results == trials(whole, "result")


def test_a_search_that_is_done_reaches_its_plan_without_an_evaluation(
    whole: Toy, done: Toy
) -> None:
    """Nor is anything measured: the plan has the same bytes, latencies too."""
    done.plan.unlink()
    before = done.history.read_bytes()
    again = done.run("--resume", RAISE="1", KILL="errors", **OTHERWISE)
    assert again.code == 0, again.err
    assert done.plan.read_bytes() == whole.plan.read_bytes()
    assert done.files == whole.files
    assert done.history.read_bytes() == before
    assert "12 trials in net.trials.jsonl" in again.err


def test_a_trial_that_kills_the_process_twice_has_failed(toy: Toy) -> None:
    assert toy.run(KILL="trial 2").code == KILLED
    assert toy.run("--resume", KILL="trial 1").code == KILLED
    last = toy.run("--resume")
    assert last.code == 0
    assert "failed: the process died in it twice" in last.err
    assert trials(toy, "pins").count(2) == 2


@pytest.mark.nightly
def test_nothing_to_resume_is_said(toy: Toy) -> None:
    done = toy.run("--resume", "--max-trials", "1")
    assert "nothing to resume: net.trials.jsonl has nothing yet" in done.err
    assert "  trial 1 " in done.err


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("options", "change", "what"),
    [
        (
            "--resume",
            "criterion",
            "is the history of another search: criterion changed",
        ),
        (
            "--resume",
            "weights",
            "is the history of another search: weights.txt changed",
        ),
        (
            "--trial=5",
            "weights",
            "is the history of another search: weights.txt changed",
        ),
        ("--resume", "script", "was begun with another script"),
        ("--trial=5", "damage", "is damaged in line 2"),
    ],
)
def test_a_history_of_something_else_is_refused(
    done: Toy, options: str, change: str, what: str
) -> None:
    environ = {"TOLERANCE": "0.1"} if change == "criterion" else {}
    if change == "weights":
        (done.folder / "weights.txt").write_text("0.732")
    if change == "script":
        with (done.folder / "convert_net.py").open("a") as file:
            file.write("\n")
    if change == "damage":
        lines = done.history.read_text().splitlines(keepends=True)
        done.history.write_text("".join([lines[0], "x\n", *lines[2:]]))
    before = done.history.read_bytes()
    refused = done.run(options, **environ)
    assert (refused.code, refused.out) == (2, "")
    assert f"error[NC603]: net.trials.jsonl {what}" in refused.err
    assert "--search" in refused.err or "--resume" in refused.err
    assert "Traceback" not in refused.err
    assert done.history.read_bytes() == before


def test_a_replay_touches_no_history(done: Toy) -> None:
    before = done.history.read_bytes()
    assert done.run().code == 0
    assert done.history.read_bytes() == before
    done.history.unlink()
    assert done.run().code == 0
    assert not done.history.exists()


def test_a_new_search_begins_a_new_history(done: Toy) -> None:
    before = done.lines
    assert done.run("--search", "--max-trials", "2").code == 1
    assert done.lines[0] == before[0]
    assert len(done.lines) < len(before)
    assert trials(done, "result") == [1, 2]


@pytest.mark.nightly
def test_seconds_of_the_runs_before_count_towards_the_timeout(toy: Toy) -> None:
    assert toy.run(KILL="trial 4").code == KILLED
    lines = toy.lines
    for line in lines:
        if "result" in line:
            line["result"]["elapsed"] *= 1e6
    toy.history.write_text("".join(json.dumps(line) + "\n" for line in lines))
    again = toy.run("--resume", "--timeout", "100")
    assert again.code == 1
    assert "ended early by timeout of 100 s" in again.out
    assert trials(toy, "result") == [1, 2, 3]


# --trial


def test_a_passing_trial_is_rebuilt_in_a_folder_of_its_own(
    whole: Toy, done: Toy
) -> None:
    before, history = done.files, done.history.read_bytes()
    rebuilt = done.run("--trial", "5", **OTHERWISE)
    assert rebuilt.code == 0, rebuilt.err
    assert "none: trial 5 was rebuilt" in rebuilt.out
    assert "net.json loaded in a fresh process" in rebuilt.err
    assert done.files == before
    assert done.history.read_bytes() == history
    assert (done.folder / "trial-5/net.json").read_text() == before["model"]
    plan = json.loads((done.folder / "trial-5/net.plan.json").read_text())
    assert plan["ops"] == json.loads(whole.plan.read_text())["ops"]
    assert plan["judgement"]["holds"] is True


def test_a_failing_trial_is_rebuilt_and_says_so(done: Toy) -> None:
    (started,) = [e for e in done.lines if e.get("trial") == 3 and "pins" in e]
    rebuilt = done.run("--trial", "3", "--output", "made")
    assert rebuilt.code == 1
    assert "CRITERION NOT MET" in rebuilt.out
    model = json.loads((done.folder / "made/trial-3/net.json").read_text())
    low = [name for name, each in model["placement"].items() if each == "bf16"]
    assert sorted(low) == started["low"]
    plan = json.loads((done.folder / "made/trial-3/net.plan.json").read_text())
    assert plan["fp32"]["steep"]["why"] == "accuracy"
    assert set(plan["fp32"]) == set(model["placement"]) - set(low)


def test_a_trial_that_never_was_is_refused(done: Toy) -> None:
    refused = done.run("--trial", "13")
    assert refused.code == 2
    assert "--trial 13: net.trials.jsonl has trials 1 to 12" in refused.err
    assert not (done.folder / "trial-13").exists()
    done.history.unlink()
    refused = done.run("--trial", "1")
    assert refused.code == 2
    assert "--trial 1: net.trials.jsonl has no trials" in refused.err


# Ctrl-C


@pytest.mark.few(1)
@pytest.mark.parametrize("where", some(["trial 7", "apply", "check", "time"], every=3))
def test_what_passed_is_checked_and_delivered_after_an_interrupt(
    whole: Toy, toy: Toy, where: str
) -> None:
    done = toy.run(INTERRUPT=where)
    assert done.code == 130
    assert "interrupted" in done.out
    assert "criterion holds" in done.out
    assert "net.json loaded in a fresh process" in done.err
    assert toy.files["model"] == whole.files["model"]
    assert json.loads(toy.plan.read_text())["trials"] == 12 - 6 * (where == "trial 7")
    if where == "trial 7":  # the search was not done: it goes on
        assert toy.run("--resume", **OTHERWISE).code == 0
        assert toy.files == whole.files


def test_an_interrupt_before_a_trial_passed_leaves_the_history(
    whole: Toy, toy: Toy
) -> None:
    done = toy.run(INTERRUPT="trial 2")
    assert (done.code, done.out) == (130, "")
    assert "--resume goes on where net.trials.jsonl ends" in done.err
    assert toy.run("--resume", **OTHERWISE).code == 0
    assert toy.files == whole.files


@pytest.mark.nightly
def test_a_second_interrupt_ends_at_once_and_names_what_passed(toy: Toy) -> None:
    done = toy.run(INTERRUPT="check", TWICE="1")
    assert (done.code, done.out) == (130, "")
    assert "no plan was written" in done.err
    assert "trial 5 had passed: --trial 5 delivers it" in done.err
    assert not list(toy.folder.glob("candidate-*"))
    assert toy.run("--trial", "5").code == 0


# Trials that fail


@pytest.mark.few(1)
@pytest.mark.parametrize("how", ["RAISE", "NAN"])
def test_a_trial_that_fails_is_not_the_end(toy: Toy, how: str) -> None:
    environ: dict[str, Any] = {how: "2"}
    done = toy.run(**environ)
    assert done.code == 0, done.err
    said = {"RAISE": "failed: RuntimeError: no kernel", "NAN": "not finite"}[how]
    assert said in done.err
    assert len(trials(toy, "result")) >= 5


# Costs


@pytest.mark.nightly
def test_costs_of_the_target_serve_elsewhere(toy: Toy) -> None:
    first = toy.run("--costs", "costs.json", "--max-trials", "1")
    assert "from the clock, written to costs.json" in first.err
    used = toy.run(
        "--search", "--costs", "costs.json", "--max-trials", "1", **OTHERWISE
    )
    assert "from costs.json" in used.err
    recorded = json.loads((toy.folder / "costs.json").read_text())["costs"]
    plan = json.loads((toy.folder / "net.plan.failed.json").read_text())
    assert plan["costs"] == recorded
    assert "  kernels    1 sine a" in first.err
    assert "  kernels    1 sine a" in used.err


def test_static_costs_are_said(toy: Toy) -> None:
    done = toy.run("--costs", "static", "--max-trials", "1")
    assert (
        "costs are those of x86 server, 2 cores, avx512_bf16: --costs static"
        in done.err
    )


def test_a_plan_that_is_not_there_is_said(toy: Toy) -> None:
    done = toy.run("--plan", "other.json", "--max-trials", "1")
    assert "warning    there is no other.json: a search will write it" in done.err
    assert (toy.folder / "other.trials.jsonl").exists()
