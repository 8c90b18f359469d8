"""Searches killed everywhere, and the plan that is reached all the same (`make nightly`).

Once killed only: a trial that kills its process twice has failed, and leads elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy import Toy

MNIST = Path(__file__).resolve().parents[2] / "examples" / "mnist"
OTHERWISE = {"COSTS": "2", "ERRORS": "2"}
"""A process that measures other costs and other errors than the first one."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("whole"))
    assert toy.run().code == 0
    return toy


def seeds(history: bytes) -> dict[str, str]:
    """Other measurements where all are recorded; else what is missing must be alike."""
    return OTHERWISE if b'"step":"estimates' in history else {}


def test_cut_off_in_and_after_every_line(whole: Toy, tmp_path: Path) -> None:
    lines = whole.history.read_bytes().splitlines(keepends=True)
    ends = np.cumsum([len(line) for line in lines])
    cuts = [
        0,
        *(int(end) - back for end in ends for back in (len(lines[0]) // 2, 1, 0)),
    ]
    for number, size in enumerate(cuts):
        folder = tmp_path / str(number)
        folder.mkdir()
        toy = Toy(folder)
        data = b"".join(lines)[:size]
        toy.history.write_bytes(data)
        whole_lines = data[: data.rfind(b"\n") + 1]
        done = toy.run("--resume", **seeds(whole_lines))
        assert done.code == 0, (size, done.err)
        assert toy.files == whole.files, size
        shutil.rmtree(folder)


def killed_after(seconds: float, command: list[str], **options: Any) -> int:
    """Run it, and kill it with all that it started; its exit code."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def quiet(folder: Path, **environ: str) -> dict[str, Any]:
    cache = str(folder / "cache")
    return {
        "cwd": folder,
        "env": {**os.environ, "FORCE_BF16": "1", "NARROWCAST_CACHE": cache, **environ},
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }


def test_killed_at_random_times(whole: Toy, tmp_path: Path) -> None:
    drawn = np.random.default_rng(1978)
    command = [sys.executable, "convert_net.py"]
    for number in range(25):
        folder = tmp_path / str(number)
        folder.mkdir()
        toy = Toy(folder)
        environ = {"COSTS": "1", "ERRORS": "1"}
        killed_after(drawn.uniform(0.3, 2.5), command, **quiet(folder, **environ))
        known = toy.history.read_bytes() if toy.history.exists() else b""
        done = toy.run("--resume", **seeds(known[: known.rfind(b"\n") + 1]))
        assert done.code == 0, done.err
        assert toy.files == whole.files


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with a criterion that nothing meets: its search has several trials."""
    folder = tmp_path_factory.mktemp("example") / "mnist"
    shutil.copytree(
        MNIST, folder, ignore=shutil.ignore_patterns("*.plan.json", "*.pt2")
    )
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True)
    script = folder / "convert_mnist_cnn.py"
    text = script.read_text()
    assert "absolute=0.001" in text
    script.write_text(text.replace("absolute=0.001", "absolute=-1.0"))
    return folder


def content(folder: Path) -> dict[str, Any]:
    """The plan, but for the latencies, which each run measures at its end."""
    plan: dict[str, Any] = json.loads(
        (folder / "mnist_cnn.plan.failed.json").read_text()
    )
    plan.pop("latency", None)
    return plan


def test_a_real_search_killed_at_random_times(mnist: Path, tmp_path: Path) -> None:
    command = [sys.executable, "convert_mnist_cnn.py"]
    expected = shutil.copytree(mnist, tmp_path / "whole")
    assert subprocess.run(command, check=False, **quiet(expected)).returncode == 1
    drawn = np.random.default_rng(1978)
    for number in range(6):
        folder = shutil.copytree(mnist, tmp_path / str(number))
        killed_after(drawn.uniform(3.0, 25.0), command, **quiet(folder))
        again = [*command, "--resume"]
        assert subprocess.run(again, check=False, **quiet(folder)).returncode == 1
        assert content(folder) == content(expected)
        for name in ("failed/mnist_cnn.bf16.pt2",):
            assert (folder / name).read_bytes() == (expected / name).read_bytes()
        shutil.rmtree(folder)
