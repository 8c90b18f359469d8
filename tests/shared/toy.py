"""A script in a folder of its own, run in a process that may not live to its end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

SOURCE = Path(__file__).with_name("convert_toy.py")
KILLED = -9


@dataclass(frozen=True)
class Done:
    """What a run said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Toy:
    """`convert_toy.py` and its weights in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        shutil.copy(SOURCE, self.folder / "convert_net.py")
        (self.folder / "weights.txt").write_text("0.731")

    def run(self, *options: str, **environ: str) -> Done:
        """Run it, with no costs in the cache; the environment is in `convert_toy.py`."""
        done = subprocess.run(
            [sys.executable, "convert_net.py", *options],
            cwd=self.folder,
            env={
                **os.environ,
                "COSTS": "1",
                "ERRORS": "1",
                "NARROWCAST_CACHE": mkdtemp(dir=self.folder),
                **environ,
            },
            capture_output=True,
            text=True,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    @property
    def plan(self) -> Path:
        return self.folder / "net.plan.json"

    @property
    def history(self) -> Path:
        return self.folder / "net.trials.jsonl"

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The history."""
        return [json.loads(line) for line in self.history.read_text().splitlines()]

    @property
    def files(self) -> dict[str, str]:
        """Model and plan, but for the latencies, which each run measures at its end."""
        plan = json.loads(self.plan.read_text())
        plan.pop("latency", None)
        return {
            "plan": json.dumps(plan, indent=2),
            "model": (self.folder / "net.json").read_text(),
        }
