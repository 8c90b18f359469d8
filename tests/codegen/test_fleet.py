"""`narrowcast run` of several specs: each runs, none outlives the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clustered import lives, until
from toy import Toy

from narrowcast.fleet import sign as signs
from narrowcast.fleet.current import is_current, is_there
from narrowcast.fleet.gathering import gathered
from narrowcast.fleet.sign import Sign, Watched, Word, raised
from narrowcast.fleet.task import Outcome, Task, convert
from narrowcast.runtime.common.delivery import candidate_hash
from narrowcast.runtime.common.files import sha256

SPEC = """\
model:
  name: {name}
  framework: pytorch
  factory: net:build
  weights: net.pt
  inputs: [{{name: x, shape: [batch, 4]}}]
mixed_precision: {{precisions: bf16}}
"""

SCRIPT = """\
import json, os, signal, subprocess, sys, time
from pathlib import Path

name = Path(sys.argv[0]).stem.removeprefix("convert_")
given = sys.argv[1:]
report = {"exit_code": 0, "name": name, "given": given, "judgement": None, "flops": 0}
if name == "missed":
    report["exit_code"] = 1
if name == "bad":
    print("error: no such weights", file=sys.stderr)
    sys.exit(2)
if name == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if name == "long":
    def ended(number, frame):
        Path("ended").touch()
        print(json.dumps({**report, "exit_code": 130}))
        sys.exit(130)
    if "--deaf" in given:
        ended = signal.SIG_IGN
    signal.signal(signal.SIGTERM, ended)
    child = subprocess.Popen(["sleep", "600"])
    staged = Path("pids.new")
    staged.write_text(f"{os.getpid()} {child.pid} {os.getppid()}")
    staged.rename("pids")
    time.sleep(600)
print(json.dumps(report))
sys.exit(report["exit_code"])
"""
"""Stands in for what the generated scripts do."""

HOOK = """\
import sys

if len(sys.orig_argv) > 1 and "/convert_" in sys.orig_argv[1]:
    import os, runpy

    sys.argv = sys.orig_argv[1:]
    try:
        runpy.run_module("stand_in", run_name="__main__")
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where scripts are what `SCRIPT` does, by way of `sitecustomize`."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/stand_in.py").write_text(SCRIPT)
    (tmp_path / "site/sitecustomize.py").write_text(HOOK)
    return tmp_path


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """`narrowcast run` of specs, those in `words` that end in .yaml."""
    for name in (Path(word).stem for word in words if word.endswith(".yaml")):
        (folder / f"{name}.yaml").write_text(SPEC.format(name=name))
    path = os.pathsep.join([str(folder / "site"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "narrowcast", "run", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(folder: Path, *words: str) -> tuple[int, str, str]:
    process = start(folder, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_one_that_fails_stops_no_other(folder: Path) -> None:
    specs = ("missed.yaml", "bad.yaml", "killed.yaml", "good.yaml")
    (folder / "typo.yaml").write_text("model: {nam: x}\n")
    code, out, err = ran(folder, *specs, "--json", "--search", "--max-trials", "3")
    found = json.loads(out)
    assert code == found["exit_code"] == 2
    assert [(each["name"], each["exit_code"]) for each in found["runs"]] == [
        ("missed", 1),
        ("bad", 2),
        ("killed", 2),
        ("good", 0),
    ]
    assert found["runs"][1]["message"] == "error: no such weights"
    assert "signal 9" in found["runs"][2]["message"]
    given = ["--search", "--max-trials", "3", "--json"]
    assert found["runs"][3]["report"]["given"] == given
    assert "bad: failed\n  error: no such weights" in err
    assert not list(folder.glob(f"{signs.PREFIX}*"))


def test_a_table_is_printed_and_an_index_written(folder: Path) -> None:
    (folder / "typo.yaml").write_text("model: {nam: x}\n")
    code, out, err = ran(folder, "good.yaml", "missed.yaml", "--output", "made")
    assert code == 1, err
    assert [line.split()[0] for line in out.splitlines()[:3]] == [
        "model",
        "good",
        "missed",
    ]
    assert "criterion NOT met" in out
    index = json.loads((folder / "made/fleet.json").read_text())
    assert index["narrowcast_fleet"] == 1
    assert [run["exit_code"] for run in index["runs"]] == [0, 1]


def test_each_model_has_a_folder_of_its_own(folder: Path) -> None:
    _code, out, _err = ran(
        folder, "good.yaml", "missed.yaml", "--output=made", "--json"
    )
    given = [run["report"]["given"] for run in json.loads(out)["runs"]]
    assert given == [
        ["--output", str(folder / "made" / name), "--json"]
        for name in ("good", "missed")
    ]


def test_a_broken_spec_is_one_of_those_that_failed(folder: Path) -> None:
    (folder / "typo").mkdir()
    (folder / "typo/typo.yml").write_text("model: {nam: x}\n")
    code, out, _err = ran(folder, "typo", "good.yaml", "--json")
    assert code == 2
    found = json.loads(out)
    assert [run["exit_code"] for run in found["runs"]] == [2, 0]
    places = [
        (Path(each["file"]).name, each["line"], each["column"])
        for each in found["diagnostics"]
    ]
    assert ("typo.yml", 1, 9) in places


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "x.pt2"), "--model x.pt2 can't be meant for several"),
        (("--plan=p.json",), "--plan p.json can't be meant for several"),
        (("--costs", "c.json"), "--costs c.json can't be meant for several"),
        (("--script", "s.py"), "--script s.py is one file"),
        (("--on", "spark://host:1"), "--on spark://host:1 names no engine"),
        (("--on", "ray", "--python", "python3"), "--python is for this machine"),
    ],
)
def test_what_can_not_be_is_told_before_anything_is_written(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    code, _out, err = ran(folder, "good.yaml", "missed.yaml", *words)
    assert code == 2
    assert said in err
    assert not list(folder.glob("convert_*"))


def test_specs_come_before_the_scripts_options(folder: Path) -> None:
    code, _out, err = ran(folder, "--search", "good.yaml")
    assert code == 2
    assert "--search stands before any spec" in err


def test_one_spec_in_a_folder_is_a_fleet_too(folder: Path) -> None:
    (folder / "specs").mkdir()
    (folder / "specs/good.yml").write_text(SPEC.format(name="good"))
    code, out, err = ran(folder, "specs")
    assert code == 0, err
    assert out.splitlines()[-1].startswith("specs/fleet.json: ")


def test_a_foreign_file_is_not_replaced_by_the_index(folder: Path) -> None:
    (folder / "fleet.json").write_text("{}")
    code, _out, err = ran(folder, "good.yaml", "missed.yaml")
    assert code == 2
    assert "fleet.json is not an index" in err
    assert (folder / "fleet.json").read_text() == "{}"


def under_way(folder: Path, *words: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A fleet whose first script runs: the script's process, a child's, the tether's."""
    process = start(folder, "long.yaml", "good.yaml", *words)
    until(lambda: (folder / "pids").exists() or process.poll() is not None, 60)
    return process, list(map(int, (folder / "pids").read_text().split()))


@pytest.mark.few(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_runs_and_begins_no_other(
    folder: Path, number: signal.Signals
) -> None:
    process, (pid, _child, tether) = under_way(folder, "--json")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (folder / "ended").exists()
    runs = json.loads(out)["runs"]
    assert [run["exit_code"] for run in runs] == [130, 130]
    assert runs[1]["message"] == "not begun"
    assert "may end in its own time" in err
    assert not lives(pid) and not lives(tether)


@pytest.mark.nightly
def test_a_second_signal_kills_what_does_not_hear(folder: Path) -> None:
    process, pids = under_way(folder, "--deaf")
    process.send_signal(signal.SIGINT)
    time.sleep(2.5)
    assert all(map(lives, pids))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    until(lambda: not any(map(lives, pids)), 60)


def test_nothing_outlives_a_command_that_is_killed(folder: Path) -> None:
    process, pids = under_way(folder, "--deaf")
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not any(map(lives, pids)), 60)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can kill it then")
def test_nor_does_a_script_outlive_its_tether(folder: Path) -> None:
    process, (pid, child, tether) = under_way(folder, "--deaf", "--json")
    os.kill(tether, signal.SIGKILL)
    until(lambda: not lives(pid), 60)
    os.kill(child, signal.SIGKILL)  # a script's own see to that themselves
    out, _err = process.communicate(timeout=60)
    assert [run["exit_code"] for run in json.loads(out)["runs"]] == [2, 0]


def test_a_sign_says_who_is_gone(tmp_path: Path) -> None:
    times = iter((1.0, 50.0, 60.9, 61.5, 61.6, 61.7))
    with raised(tmp_path) as sign:
        watched = Watched(sign.path, lambda: next(times))
        for _ in range(3):
            assert watched.word() is Word.GO_ON
        assert watched.word() is Word.END  # nothing was heard for a minute
        sign.beat()
        assert watched.word() is Word.GO_ON
        sign.end()
        assert watched.word() is Word.END
    assert watched.word() is Word.GONE


@pytest.fixture
def task(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task]:
    """One for a script that is there."""
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"), prepend=os.pathsep)
    script = folder / "convert_good.py"
    script.write_text("")
    with raised(folder) as sign:
        yield Task(
            name="good",
            spec="good.yaml",
            script=script,
            sha256=sha256(script),
            arguments=("--search",),
            history=folder / "good.trials.jsonl",
            begun="",
            folder=folder,
            sign=sign.path,
        )


def given(outcome: Outcome) -> Any:
    assert outcome.report is not None, outcome
    return outcome.report["given"]


def test_what_a_dead_worker_began_is_taken_up(task: Task) -> None:
    assert given(convert(task)) == ["--search", "--json"]
    task.history.write_text("{}\n")
    assert given(convert(task)) == ["--json", "--resume"]
    known = replace(task, begun=sha256(task.history))
    assert given(convert(known)) == ["--search", "--json"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sign": Path("/nowhere/sign")}, "does not see /nowhere: all machines"),
        ({"sha256": "0"}, "sees another"),
        ({"script": Path("/nowhere/script.py")}, "can't read /nowhere/script.py"),
        ({"version": "0.0.1"}, "0.0.1 wrote the script"),
    ],
)
def test_a_worker_that_does_not_fit_is_told(
    task: Task, wrong: dict[str, Any], said: str
) -> None:
    outcome = convert(replace(task, **wrong))
    assert outcome.code == 3
    assert said in outcome.said


class Dying(ThreadPoolExecutor):
    """An executor whose every second worker dies for good."""

    count = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        return super().submit(fn if self.count % 2 else _die, *args, **kwargs)


def _die(task: Task) -> Outcome:
    raise BrokenProcessPool("a worker was killed")


def test_a_worker_that_died_is_one_that_failed(task: Task) -> None:
    executor: Executor
    told: list[Outcome] = []
    names = ("a", "b", "c", "d")
    with Dying(2) as executor:
        tasks = [replace(task, name=name) for name in names]
        sign = Sign(task.sign)
        found = gathered(tasks, executor, sign, told.append, lambda text: None)
    assert [each.name for each in found] == list(names)
    assert [each.code for each in found] == [0, 2, 0, 2]
    assert "BrokenProcessPool: a worker was killed" in found[1].said
    assert sorted(each.name for each in told) == list(names)


def test_what_is_up_to_date_is_told_by_its_plan(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    script = tmp_path / "convert_net.py"
    assert not is_current(toy.plan, script, tmp_path)
    assert toy.run().code == 0
    assert is_current(toy.plan, script, tmp_path)
    model, weights = tmp_path / "net.json", tmp_path / "weights.txt"
    for path in (model, weights, toy.plan):
        before = path.read_bytes()
        path.write_bytes(before + b" " if path != toy.plan else b"{}")
        assert not is_current(toy.plan, script, tmp_path), path
        path.write_bytes(before)
        assert is_current(toy.plan, script, tmp_path)
    model.unlink()
    assert not is_current(toy.plan, script, tmp_path)


def test_a_model_of_several_files_is_known_by_all(tmp_path: Path) -> None:
    """As a candidate's folder is hashed."""
    candidate = tmp_path / "candidate"
    for name in ("net.bf16-symbol.json", "net.bf16-0000.params", "net.bf16.d/data"):
        for folder in (candidate, tmp_path):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
    (tmp_path / "net.plan.json").write_text("{}")
    known = candidate_hash(candidate / "net.bf16-symbol.json")
    content = {
        "name": "net",
        "model": {"file": "net.bf16-symbol.json", "sha256": known},
    }
    assert is_there(content, tmp_path)
    (tmp_path / "net.bf16-0000.params").write_text("other")
    assert not is_there(content, tmp_path)
