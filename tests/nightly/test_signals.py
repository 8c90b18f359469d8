"""A real PyTorch search, hit by signals while it runs, reaches the same plan (`make nightly`).

Every signal hits a run that is alive: it is sent between two lines of its progress.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import IO, Any

import numpy as np
import pytest
from project import Project

SIGNALS = int(os.environ.get("SIGNALS", "60"))
KINDS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
COMMAND = [sys.executable, "convert_net.py", "--search"]
ENDS = {0, 130, 128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL}
TRIES = 5
LONGEST = 600.0
"""Seconds that a run may take, hit or not."""

FACTORY = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(32, 32) for _ in range(5))
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        for k, layer in enumerate(self.layers):
            x = torch.sin(layer(x) * (40.0 if k == 2 else 1.0)) + x
        return self.head(x)
"""


@dataclass(frozen=True)
class Ended:
    """A run that was hit.

    Attributes:
        hit: Whether it was alive when the signal came.
    """

    code: int
    said: str
    hit: bool


def _made(folder: Path) -> Project:
    import torch

    folder.mkdir()
    (folder / "nets.py").write_text(FACTORY)
    space: dict[str, Any] = {}
    exec(FACTORY, space)
    torch.manual_seed(0)
    net = space["Net"]().eval()
    torch.save(net.state_dict(), folder / "net.pth")
    x = np.random.default_rng(0).standard_normal((256, 32), np.float32)
    with torch.no_grad():
        np.savez(folder / "data.npz", x=x, y=net(torch.from_numpy(x)).numpy())
    project = Project(folder)
    dataset = {"npz": {"path": "data.npz", "inputs": "x", "label": "y"}}
    project.write(
        model={
            "name": "net",
            "framework": "pytorch",
            "factory": "nets:Net",
            "weights": "net.pth",
            "inputs": [{"name": "x", "shape": ["batch", 32]}],
        },
        mixed_precision={"precisions": "bf16"},
        evaluation={
            "accuracy": {
                "metric": {"MSE": {}},
                "dataloader": {"batch_size": 64, "dataset": dataset},
            }
        },
        tuning={"accuracy_criterion": {"absolute": 2e-5}},
    )
    done = project.run(command=("-m", "narrowcast", "generate", "net.yaml"))
    assert done.returncode == 0, done.stderr
    return project


def _environ() -> dict[str, str]:
    return {**os.environ, "FORCE_BF16": "1", "OMP_NUM_THREADS": "1"}


def _content(folder: Path) -> dict[str, Any]:
    """Plan and model, but for the latencies, which each run measures at its end."""
    plan: dict[str, Any] = json.loads((folder / "net.plan.json").read_text())
    plan.pop("latency", None)
    return {"plan": plan, "model": (folder / "net.bf16.pt2").read_bytes()}


@dataclass(frozen=True)
class Whole:
    """A run that nothing hits, and when it said its lines."""

    project: Project
    content: dict[str, Any]
    gaps: list[float]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    project = _made(tmp_path_factory.mktemp("signals") / "whole")
    copy = shutil.copytree(project.folder, project.folder.parent / "timed")
    times: list[float] = [time.monotonic()]
    process = _started(copy)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        times.append(time.monotonic())
        said.append(line)
    assert process.wait() == 0, "".join(said)
    content = _content(copy)
    assert content["plan"]["trials"] > 2
    gaps = [b - a for a, b in pairwise(times)]
    return Whole(project, content, [*gaps[1:], time.monotonic() - times[-1]])


def _started(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _hit(folder: Path, kind: signal.Signals, line: int, seconds: float) -> Ended:
    """Run, wait for a line of progress and a while, and send the signal."""
    process = _started(folder)
    assert process.stderr is not None
    said: list[str] = []
    seen = threading.Event()
    reader = threading.Thread(target=_read, args=(process.stderr, said, line, seen))
    reader.start()
    while not seen.wait(0.05) and process.poll() is None:
        pass
    time.sleep(seconds)
    hit = process.poll() is None
    if hit and kind is signal.SIGTERM:
        process.terminate()
    elif hit:  # Ctrl-C, and a machine that goes down, reach all that it started
        os.killpg(process.pid, kind)
    code = process.wait(LONGEST)
    reader.join()
    return Ended(code, "".join(said), hit)


def _read(
    stream: IO[str], said: list[str], awaited: int, seen: threading.Event
) -> None:
    for line in stream:
        said.append(line)
        if len(said) >= awaited:
            seen.set()


def _resumed(folder: Path, what: object) -> subprocess.CompletedProcess[str]:
    """Take it up; a run that does not end is told with what it said."""
    try:
        return subprocess.run(
            [*COMMAND[:2], "--resume"],
            cwd=folder,
            env=_environ(),
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stderr or b""
        raise AssertionError(f"{what}: it hangs behind\n{said!r}") from error


def test_a_search_that_signals_hit_reaches_the_same_plan(
    whole: Whole, tmp_path: Path
) -> None:
    hits = Counter[signal.Signals]()
    for number in range(SIGNALS):
        kind, random = KINDS[number % len(KINDS)], Random(number)
        folder = tmp_path / str(number)
        for _ in range(TRIES):
            line = random.randrange(1, len(whole.gaps))
            seconds = random.uniform(0.0, whole.gaps[line - 1])
            shutil.copytree(whole.project.folder, folder)
            ended = _hit(folder, kind, line, seconds)
            assert "Traceback" not in ended.said, (number, ended.said)
            assert ended.code in ENDS, (number, kind, ended.code, ended.said)
            if ended.hit:
                break
            shutil.rmtree(folder)
        hits[kind] += ended.hit
        what = number, kind, line, seconds
        done = _resumed(folder, what)
        assert "Traceback" not in done.stderr, (what, done.stderr)
        assert done.returncode == 0, (what, done.stderr)
        assert _content(folder) == whole.content, what
        shutil.rmtree(folder)
    assert hits.total() == SIGNALS
