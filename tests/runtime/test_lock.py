"""One run at a time for what runs write; and never a plan beside another's model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from nightly import some
from toy import Toy

from narrowcast.runtime.common.delivery import candidate, deliver
from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.record.lock import lock_path, locked
from narrowcast.runtime.record.plan import replaced_plan


def noted(text: str) -> None:
    raise AssertionError(text)


def test_a_lock_is_had_once_and_leaves_nothing(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "net")
    for _ in range(2):
        with locked(path, noted):
            assert path.read_text() == str(os.getpid())
            again = pytest.raises(UsageError, match="another run writes net in")
            with again, locked(path, noted):
                pass
            with locked(lock_path(tmp_path, "other"), noted):
                pass
        assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_taken(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "net")
    path.write_text("123")
    with locked(path, noted):
        assert path.read_text() == str(os.getpid())


def test_where_nothing_can_be_locked_that_is_a_note(tmp_path: Path) -> None:
    path = lock_path(tmp_path, "net")
    path.mkdir()
    said: list[str] = []
    with locked(path, said.append):
        pass
    (text,) = said
    assert "can't be kept out" in text
    assert path.is_dir()


def test_a_lock_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    path = lock_path(tmp_path, "net")
    path.symlink_to("mine")
    with locked(path, lambda text: None):
        pass
    assert (tmp_path / "mine").read_text() == "keep"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.write_text("thesis")])
def test_what_is_no_lock_is_left_alone(tmp_path: Path, make: Any) -> None:
    path = lock_path(tmp_path, "net")
    make(path)
    before, said = path.lstat(), list[str]()
    with locked(path, said.append):
        pass
    assert (path.lstat().st_ino, path.lstat().st_mode) == (
        before.st_ino,
        before.st_mode,
    )
    assert path.lstat().st_size == before.st_size
    assert "is no lock" in said[0]


# Scripts


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """It waits for a file before its last trial's result, where it is told to."""
    made = Toy(tmp_path)
    script = tmp_path / "convert_net.py"
    text = script.read_text()
    old = "        calls += 1\n"
    assert old in text
    wait = (
        "        (HERE / 'begun').touch()\n"
        "        while 'WAIT' in os.environ and not (HERE / 'go').exists():\n"
        "            import time; time.sleep(0.02)\n"
    )
    script.write_text(text.replace(old, old + wait))
    return made


def begun(toy: Toy, *options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "convert_net.py", "--costs", "static", *options],
        cwd=toy.folder,
        env={**os.environ, "COSTS": "1", "ERRORS": "1", "WAIT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not (toy.folder / "begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    return process


def ended(process: subprocess.Popen[str], toy: Toy) -> Any:
    (toy.folder / "go").touch()
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "options",
    some(
        [
            ["--search", "--plan", "other.json"],  # the same model
            ["--search"],
            ["--resume"],
            ["--search", "--output", "other", "--plan", "net.plan.json"],  # the plan
        ],
        every=3,
    ),
)
def test_a_second_run_is_told(toy: Toy, options: list[str]) -> None:
    first = begun(toy)
    second = toy.run(*options)
    assert (second.code, second.out) == (2, "")
    assert ": another run writes net in " in second.err
    assert f"process {first.pid}" in second.err
    assert "--output" in second.err
    code, _out, err = ended(first, toy)
    assert code == 0, err
    assert not list(toy.folder.glob(".*.lock"))
    plan = json.loads(toy.plan.read_text())
    model = (toy.folder / "net.json").read_bytes()
    assert plan["model"]["sha256"] == sha256(model).hexdigest()
    for line in toy.history.read_bytes().splitlines():
        json.loads(line)


@pytest.mark.nightly
def test_what_does_not_collide_runs_at_once(toy: Toy) -> None:
    first = begun(toy)
    elsewhere = ["--output", "other", "--plan", "other/net.plan.json"]
    assert toy.run(*elsewhere, "--max-trials", "1").code in (0, 1)
    script = toy.folder / "convert_net.py"
    other = script.with_name("convert_other.py")
    other.write_text(script.read_text().replace('"net"', '"other"'))
    done = subprocess.run(
        [sys.executable, other.name, "--max-trials", "1", "--costs", "static"],
        cwd=toy.folder,
        env={**os.environ, "COSTS": "1", "ERRORS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    assert ended(first, toy)[0] == 0


def test_a_run_that_was_killed_keeps_no_one_out(toy: Toy) -> None:
    first = begun(toy)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert toy.run("--resume").code == 0
    assert not list(toy.folder.glob(".*.lock"))


# The plan and its model


def pair(folder: Path, text: str) -> tuple[Path, Path, dict[str, Any]]:
    model = candidate(folder, "net.json")
    model.write_text(text)
    return model, folder / "net.plan.json", {"format": 1, "of": text}


def test_plan_and_model_are_replaced_together(tmp_path: Path) -> None:
    for text in ("old", "new"):
        model, plan, content = pair(tmp_path, text)
        with replaced_plan(plan, content, model):
            assert not plan.exists()  # whatever ends the process now
            deliver(model, missed=False)
            assert not plan.exists()
        assert json.loads(plan.read_text())["of"] == text
        assert (tmp_path / "net.json").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.json",
        "net.plan.json",
    ]


@pytest.mark.parametrize("delivered", [False, True])
def test_a_failure_meanwhile_leaves_a_pair(tmp_path: Path, delivered: bool) -> None:
    model, plan, content = pair(tmp_path, "old")
    with replaced_plan(plan, content, model):
        deliver(model, missed=False)
    model, plan, content = pair(tmp_path, "new")
    with suppress(KeyboardInterrupt), replaced_plan(plan, content, model):
        if delivered:
            deliver(model, missed=False)
        raise KeyboardInterrupt
    left = (tmp_path / "net.json").read_text()
    assert left == ("new" if delivered else "old")
    assert json.loads(plan.read_text())["of"] == left
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_model_that_can_not_be_put_in_place_leaves_the_earlier_plan(
    tmp_path: Path,
) -> None:
    model, plan, content = pair(tmp_path, "new")
    plan.write_text("old")
    (tmp_path / "failed").write_text("no folder")
    refused = pytest.raises(UsageError, match="can't write")
    with refused, replaced_plan(plan, content, model):
        deliver(model, missed=True)
    assert plan.read_text() == "old"
