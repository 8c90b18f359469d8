"""Forks of the reserve (`tests/shared/warm`) are what newly started Pythons are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from warm.reserve import IMPORTED, framework

TELLS = """
import os, sys
print(__name__, sys.argv[1:], os.getcwd(), os.environ["FORCE_BF16"], sys.stdin.read())
print("é", file=sys.stderr)
assert "warm_was_here" not in sys.modules
sys.exit(3)
"""

FAILS = """
raise ValueError("of its own")
"""

DIES = """
import os
os.kill(os.getpid(), 9)
"""

IS_REPLACED = """
import os, sys
os.execv(sys.executable, [sys.executable, "other.py", "a", "b c"])
"""

IS_REPLACED_BY_WHAT_DIES = """
import os, sys
os.execv(sys.executable, [sys.executable, "dies.py"])
"""

SPAWNS = """
import multiprocessing, os, signal, sys

def square(number, sender):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    sender.send((number**2, os.getppid(), os.environ["NARROWCAST_X"], blocked))

if __name__ == "__main__":
    os.environ["NARROWCAST_X"] = "set meanwhile"
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    process = spawn.Process(target=square, args=(7, sender))
    process.start()
    sender.close()
    found = receiver.recv()
    process.join()
    print(found[0], found[1] == os.getpid(), found[2:], process.exitcode)
    print(multiprocessing.active_children())
"""

SCRIPTS = {
    "tells": TELLS,
    "fails": FAILS,
    "dies": DIES,
    "is_replaced": IS_REPLACED,
    "is_replaced_by_what_dies": IS_REPLACED_BY_WHAT_DIES,
    "spawns": SPAWNS,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {**SCRIPTS, "other": TELLS}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def same(arguments: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a fork gives, which is what a newly started Python does."""
    env = {**os.environ, "FORCE_BF16": "yes", "OMP_NUM_THREADS": "1"}
    found, expected = (
        start(arguments, folder, env, 60) for start in (warm.run, warm.newly)
    )
    assert found.args == expected.args
    assert found.returncode == expected.returncode
    assert found.stdout == expected.stdout
    assert found.stderr.splitlines()[-1:] == expected.stderr.splitlines()[-1:]
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_do_the_same(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "warm_was_here", warm)
    same((f"{name}.py", "a", "b c"), folder)


def test_modules_and_code_do_the_same(folder: Path) -> None:
    assert same(("-m", "tells", "-x"), folder).returncode == 3
    assert same(("-c", TELLS, "-x"), folder).returncode == 3


HAS = "import sys; print(*sorted({*sys.argv[1:]} & {*sys.modules}))"


def test_the_framework_alone_is_there_already(folder: Path) -> None:
    done = warm.run(("-c", HAS, *IMPORTED, "narrowcast"), folder)
    assert done.stdout == f"{framework() or ''}\n"


def test_what_takes_too_long_is_killed(folder: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(("-c", "import time; time.sleep(60)"), folder, timeout=0.2)


def test_variables_that_frameworks_read_have_it_newly_started(folder: Path) -> None:
    for name in ("ONEDNN_VERBOSE", "ONEDNN_DEFAULT_FPMATH_MODE", "PYTHONHASHSEED"):
        done = warm.run(("-c", HAS, *IMPORTED), folder, {**os.environ, name: "1"})
        assert done.stdout == "\n"
