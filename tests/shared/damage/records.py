"""What a search writes down: plan, history, costs. The toy of NumPy reads them back."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from toy import Toy

from damage.formats import Format
from narrowcast.runtime.common.errors import UsageError

ENDS, REFUSED = (0, 1, 2, 3), 2
MEMORY, SECONDS = 8 << 30, 50.0
COSTS = "costs.json"


def _record(name: str, *options: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        done = Toy(folder).run(*options)
        assert done.code == 0, done.err
        return folder / name

    return make


def _run(*options: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        """Raise what is no answer of a script."""
        done = subprocess.run(
            [sys.executable, "convert_net.py", *options],
            cwd=path.parent,
            env={**os.environ, "COSTS": "1", "ERRORS": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            preexec_fn=_limit,
        )
        if done.returncode not in ENDS or "Traceback" in done.stderr:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr[-1000:]}")
        if done.returncode == REFUSED:
            raise UsageError(done.stderr)

    return read


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


FORMATS = {
    "plan": Format(_record("net.plan.json"), _run()),
    "history": Format(_record("net.trials.jsonl"), _run("--resume")),
    "costs": Format(
        _record(COSTS, "--costs", COSTS), _run("--search", "--costs", COSTS)
    ),
}
