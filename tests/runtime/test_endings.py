"""Ends that nobody planned: what user code raises, os._exit, signals, a full disk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy import Toy

from narrowcast.runtime.common.errors import DataError, MetricError, ModelError
from narrowcast.runtime.common.processes.fresh import in_fresh_process
from narrowcast.runtime.common.processes.staying import one_process
from narrowcast.runtime.evaluation.baseline import measured_baseline
from narrowcast.runtime.evaluation.evaluation import Evaluation, evaluate
from narrowcast.runtime.evaluation.loading import loaded
from narrowcast.runtime.evaluation.metrics.mse import MSE

RAISED = [
    (asyncio.CancelledError("cancelled"), "CancelledError: cancelled"),
    (SystemExit(0), "it called sys.exit(0)"),
    (type("Exit", (BaseException,), {})("enough"), "Exit: enough"),
]
HERE = Path(__file__).name


@pytest.fixture(params=RAISED, ids=lambda each: type(each[0]).__name__)
def raised(request: pytest.FixtureRequest) -> tuple[BaseException, str]:
    found: tuple[BaseException, str] = request.param
    return found


def batches() -> Iterator[Any]:
    yield (np.ones((2, 2), np.float32),), np.ones((2, 2), np.float32)


def predict(inputs: Any) -> Any:
    return inputs


def test_a_datasets_own_exits_are_errors_of_the_data(
    raised: tuple[BaseException, str],
) -> None:
    def broken() -> Iterator[Any]:
        yield from batches()
        raise raised[0]

    with pytest.raises(DataError) as caught:
        evaluate(predict, broken, MSE)
    assert f" at {HERE}:" in caught.value.message
    assert raised[1] in caught.value.message


@pytest.mark.parametrize("where", ["reset", "update", "result"])
def test_a_metrics_own_exits_are_errors_of_the_metric(
    raised: tuple[BaseException, str], where: str
) -> None:
    class Broken:
        def reset(self) -> None:
            self.may_raise("reset")

        def update(self, predictions: Any, labels: Any) -> None:
            self.may_raise("update")

        def result(self) -> float:
            self.may_raise("result")
            return 0.0

        def may_raise(self, here: str) -> None:
            if here == where:
                raise raised[0]

    with pytest.raises(MetricError) as caught:
        evaluate(predict, batches, Broken)
    assert f" at {HERE}:" in caught.value.message
    assert raised[1] in caught.value.message


def test_a_factorys_own_exits_are_errors_of_the_model(
    raised: tuple[BaseException, str], tmp_path: Path
) -> None:
    def load_model() -> None:
        raise raised[0]

    with pytest.raises(ModelError) as caught:
        loaded(load_model, tmp_path)
    assert f"load_model() failed at {HERE}:" in caught.value.message
    assert raised[1] in caught.value.message


def test_a_models_own_exits_are_errors_of_the_model(
    raised: tuple[BaseException, str],
) -> None:
    def broken(inputs: Any) -> Any:
        raise raised[0]

    def scored(beside: Any) -> Evaluation:
        return evaluate(broken, batches, MSE, beside=beside)

    with pytest.raises(ModelError) as caught:
        measured_baseline(
            broken, batches, MSE, scored, lambda found: found, time.perf_counter
        )
    assert raised[1] in caught.value.message


# Scripts


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def changed(toy: Toy, old: str, new: str) -> None:
    script = toy.folder / "convert_net.py"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, new))


@pytest.mark.parametrize("code", [0, 1, 130])
def test_os_exit_in_user_code_is_no_verdict(toy: Toy, code: int) -> None:
    changed(
        toy,
        "    for size in (20, 20, 7):",
        f"    os._exit({code})\n    for size in ():",
    )
    done = toy.run()
    assert (done.code, done.out) == (2, "")
    assert f"error[NC922]: os._exit({code}) was called at convert_net.py:" in done.err
    assert "no plan was written" in done.err
    assert not toy.plan.exists()


def test_os_exit_of_a_forked_child_is_its_own(toy: Toy) -> None:
    fork = (
        "    if not (child := os.fork()):\n        os._exit(5)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5\n"
    )
    changed(toy, "    for size in (20, 20, 7):", f"{fork}    for size in (20, 20, 7):")
    done = toy.run("--max-trials", "1")
    assert done.code == 1
    assert "os._exit" not in done.err


@pytest.mark.few(1)
@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
@pytest.mark.parametrize("ends", ["pass", "raise ValueError"])
def test_a_forked_process_that_comes_back_from_load_model_goes_no_further(
    toy: Toy, ends: str
) -> None:
    fork = (
        "def load_model() -> float:\n    if os.environ.pop('FORKS', ''):\n"
        "        if child := os.fork():\n            status = os.waitpid(child, 0)[1]\n"
        "            assert os.waitstatus_to_exitcode(status) == 70\n"
        f"        else:\n            {ends}\n"
    )
    changed(toy, "def load_model() -> float:\n", fork)
    done = toy.run("--max-trials", "1", "--json", FORKS="1")
    assert done.code == 1, done.err
    assert json.loads(done.out)["name"] == "net"


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_a_forked_process_that_comes_back_in_a_fresh_one_goes_no_further() -> None:
    assert in_fresh_process(forking) == 70


def forking() -> int:
    child = os.fork()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 0


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks there")
def test_what_a_child_inherits_and_collects_does_not_end_it() -> None:
    def rows() -> Iterator[int]:
        with one_process():
            yield 0

    begun = rows()
    next(begun)
    child = os.fork()
    if not child:
        del begun
        os._exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_what_nobody_expects_is_no_verdict(toy: Toy) -> None:
    changed(toy, "    searched = True\n    conv", "    raise GeneratorExit\n    conv")
    done = toy.run()
    assert (done.code, done.out) == (2, "")
    assert "ended the run at convert_net.py:" in done.err
    assert "GeneratorExit" in done.err
    assert "Traceback" not in done.err


@pytest.mark.few(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_in_the_check_delivers(
    toy: Toy, number: signal.Signals
) -> None:
    """As a terminal's Ctrl-C, or a job manager that ends a group."""
    changed(
        toy,
        "    found = json.loads(path.read_text())\n    placement",
        f"    signal.signal({int(number)}, signal.getsignal({int(number)}))\n"
        f"    os.killpg(0, {int(number)})\n"
        "    found = json.loads(path.read_text())\n    placement",
    )
    process = subprocess.run(
        [sys.executable, "convert_net.py", "--costs", "static"],
        cwd=toy.folder,
        env={**os.environ, "ERRORS": "1", "COSTS": "1"},
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert process.returncode == 130, process.stderr
    assert "criterion holds" in process.stdout
    assert toy.plan.exists()
    assert (toy.folder / "net.json").exists()


def lives_on(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def begun(path: str) -> None:
    in_fresh_process(lives_on, path)


def test_a_fresh_process_does_not_outlive_a_parent_that_is_killed(
    tmp_path: Path,
) -> None:
    begin = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    begin += "import test_endings\nif __name__ == '__main__': "
    begin += "test_endings.begun(sys.argv[1])\n"
    (tmp_path / "begin.py").write_text(begin)
    path = ":".join([*sys.path])
    process = subprocess.Popen(
        [sys.executable, "begin.py", "child"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    )
    child = awaited(lambda: int((tmp_path / "child").read_text() or 0))
    process.kill()
    process.wait()
    awaited(lambda: not Path(f"/proc/{child}/exe").exists())


def awaited(make: Callable[[], Any]) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            found = make()
        except (OSError, ValueError):
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError


# A full disk


def test_a_timing_that_finds_no_room_leaves_the_checked_model(toy: Toy) -> None:
    changed(
        toy,
        "def load_model() -> float:",
        "def full(path: Path, data: bytes) -> Path:\n"
        "    if path.name.startswith('prepared'):\n"
        "        raise OSError(28, 'No space left on device', str(path))\n"
        "    return whole(path, data)\n\n\n"
        "whole, write_bytes = write_bytes, full\n\n\n"
        "def load_model() -> float:",
    )
    done = toy.run("--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["latency"] is None
    (note,) = report["notes"]
    assert note.startswith("not timed: ")
    assert "No space left on device" in note
    assert toy.plan.exists()
    assert (toy.folder / "net.json").exists()
    assert not list(toy.folder.glob("candidate-*"))
