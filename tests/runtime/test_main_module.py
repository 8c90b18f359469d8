"""A user's script without a guard is run once, whatever processes its run starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from pathlib import Path

from narrowcast.runtime.common.processes.fresh import FreshProcess, in_fresh_process

print("begins")
{body}
print("ends")
"""

WORK = """
import os

def pid():
    return os.getpid()

def batches():
    import numpy as np
    for k in range(10):
        yield (np.full((2, 3), k, np.float32),), np.zeros((2, 3), np.float32)

def opened(path):
    return lambda inputs: (inputs[0] * 2,)
"""

MODULE = """
import work
assert in_fresh_process(work.pid) != work.pid()
"""

WORKERS = """
import work
from narrowcast.runtime.evaluation.evaluation import evaluate
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.sharding import Job, SavedModel, Workers
workers = Workers(2)
model = SavedModel(work.opened, Path("net"))
found = workers.evaluate(Job(model, work.batches, MSE))
workers.close()
assert found == evaluate(work.opened(Path("net")), work.batches, MSE)
assert not found.value == 0
"""

OWN = """
def own():
    return 7

if __name__ == "__main__":
    print(in_fresh_process(own))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def run(folder: Path, *arguments: str, given: str = "") -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        input=given,
        timeout=60,
        check=False,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("body", [MODULE, WORKERS], ids=["process", "workers"])
def test_an_unguarded_script_runs_once(folder: Path, body: str) -> None:
    (folder / "mine.py").write_text(SCRIPT.format(body=body))
    assert run(folder, "mine.py") == ("begins\nends\n", "")


def test_so_does_one_that_is_read_from_standard_input(folder: Path) -> None:
    text = SCRIPT.format(body=MODULE)
    assert run(folder, "-", given=text) == ("begins\nends\n", "")


def test_so_does_what_a_notebook_executes(folder: Path) -> None:
    """Its cells are executed in a main module that is no file."""
    (folder / "cell.py").write_text(SCRIPT.format(body=MODULE))
    kernel = "import __main__; exec(open('cell.py').read(), vars(__main__))"
    assert run(folder, "-c", kernel) == ("begins\nends\n", "")


def test_what_lives_in_the_script_is_found_there(folder: Path) -> None:
    (folder / "mine.py").write_text(SCRIPT.format(body=OWN))
    # The module is run again, up to its guard.
    assert run(folder, "mine.py") == ("begins\nbegins\nends\n7\nends\n", "")


def test_what_lives_in_no_file_is_said_to(folder: Path) -> None:
    out, err = run(folder, "-", given=SCRIPT.format(body=OWN))
    assert out == "begins\n"
    assert "UsageError: what a new process needs is in a notebook, or in a" in err
    assert "Put functions and classes into a module, and import them." in err


def test_the_main_module_is_there_again(folder: Path) -> None:
    body = (
        MODULE
        + "import sys\nassert 'in_fresh_process' in vars(sys.modules['__main__'])"
    )
    (folder / "mine.py").write_text(SCRIPT.format(body=body))
    assert run(folder, "mine.py") == ("begins\nends\n", "")
