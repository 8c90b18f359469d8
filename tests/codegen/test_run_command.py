"""`narrowcast run`: one process with its script, to who started it and to signals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SPEC = """\
model:
  name: net
  framework: pytorch
  factory: net:build
  weights: net.pt
  inputs: [{name: x, shape: [batch, 4]}]
mixed_precision: {precisions: bf16}
"""

IN_THE_SCRIPT = """\
import os, signal, sys, time

if sys.orig_argv[1].endswith("convert_net.py"):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print(os.getpid(), sys.orig_argv[2:], flush=True)
    if "wait" in os.environ:
        time.sleep(600)
    os._exit(7)
"""
"""Stands in for all that the script does."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(SPEC)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(IN_THE_SCRIPT)
    return tmp_path


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal; a job in the background is born ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(folder: Path, *options: str, **environ: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(folder / "site"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "narrowcast", "run", "net.yaml", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_script_takes_the_process_over(folder: Path) -> None:
    process = start(folder, "--search", "--max-trials", "3")
    out, err = process.communicate(timeout=60)
    assert out == f"{process.pid} ['--search', '--max-trials', '3']\n", err
    assert process.returncode == 7
    assert (folder / "convert_net.py").exists()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_note_is_said_once(folder: Path, options: tuple[str, ...]) -> None:
    spec = SPEC.replace("net.pt\n", "/far/net.pt\n")
    (folder / "net.yaml").write_text(spec)
    _out, err = start(folder, *options).communicate(timeout=60)
    assert err.count("NC353") == 1
    assert err.startswith("net.yaml:5:3: note[NC353]: model.weights")


@pytest.mark.few(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_it_is_one_to_the_script(
    folder: Path, number: signal.Signals
) -> None:
    process = start(folder, wait="1")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"{process.pid} ")
    process.send_signal(number)
    process.communicate(timeout=60)  # the script would hold the pipes
    assert process.returncode == -number
