"""What a cluster of any engine has to do: MNIST's example, and workers that are killed."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist"

FRAIL = """\
import os
import signal
import sys
import time
from pathlib import Path

from mnist_cnn import build as built

HERE = Path(__file__).parent


def build():
    if "narrowcast_script" in sys.modules:
        fall("kill-shard", os.getpid())
    elif Path(sys.modules["__main__"].__file__).name.startswith("convert_"):
        tether = Path(f"/proc/{os.getppid()}/stat").read_text()
        fall("kill-fleet", int(tether.rpartition(")")[2].split()[1]))
        if (HERE / "wait").exists():
            (HERE / "pid.new").write_text(str(os.getpid()))
            (HERE / "pid.new").rename("pid")
            time.sleep(600)
    return built()


def fall(mark, worker):
    try:
        (HERE / mark).unlink()
    except FileNotFoundError:
        return
    os.kill(worker, signal.SIGKILL)
    time.sleep(20)
    (HERE / "survived").touch()
"""
"""Kills the worker that it is loaded in, or whose script loads it; once, where a file
says so. Or waits."""


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for it, no longer than this."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def lives(pid: int) -> bool:
    """Whether a process does, and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@dataclass(frozen=True)
class Clustered:
    """The example in a folder, under two names, and a spec with a mistake."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Clustered:
        """A new one."""
        shutil.copyfile(EXAMPLE / "mnist_cnn.py", folder / "mnist_cnn.py")
        (folder / "frail.py").write_text(FRAIL, "utf-8")
        runpy.run_path(str(EXAMPLE / "prepare.py"))["main"](folder / "data")
        text = (EXAMPLE / "mnist.yaml").read_text("utf-8")
        text = text.replace("mnist_cnn:build", "frail:build")
        for name in ("one", "two"):
            named = text.replace("name: mnist_cnn", f"name: {name}")
            (folder / f"{name}.yaml").write_text(named, "utf-8")
        broken = text.replace("precisions: bf16", "precisions: bf15")
        (folder / "broken.yaml").write_text(broken, "utf-8")
        return cls(folder)

    def ran(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of Python's."""
        command = (sys.executable, *command)
        return subprocess.run(
            command, capture_output=True, text=True, **self.environment
        )

    @property
    def environment(self) -> dict[str, Any]:
        """Where commands run."""
        environ = {**os.environ, "FORCE_BF16": "1", "OMP_NUM_THREADS": "1"}
        return {"cwd": self.folder, "env": environ}

    def check_end(self, on: str, number: signal.Signals, seconds: float) -> None:
        """A fleet is ended: no script outlives it by more than this."""
        waits, pid = self.folder / "wait", self.folder / "pid"
        waits.touch()
        pid.unlink(missing_ok=True)
        fleet = ("-m", "narrowcast", "run", "one.yaml", "two.yaml", "--on", on)
        process = subprocess.Popen([sys.executable, *fleet], **self.environment)
        try:
            until(lambda: pid.exists() or process.poll() is not None, 120)
            script = int(pid.read_text())
            process.send_signal(number)
            process.communicate(timeout=seconds)
            until(lambda: not lives(script), seconds)
        finally:
            process.kill()
            waits.unlink()
        assert process.returncode == (130 if number == signal.SIGINT else -number)

    def converted(self, name: str, *options: str) -> tuple[Any, bytes, str]:
        """The plan, the model and what was said."""
        script = f"convert_{name}.py"
        done = self.ran(script, "--search", "--no-timing", *options)
        assert done.returncode == 0, done.stderr
        return *self.made(name), done.stderr

    def made(self, name: str) -> tuple[Any, bytes]:
        """The plan and the model."""
        plan = json.loads((self.folder / f"{name}.plan.json").read_text("utf-8"))
        return plan, (self.folder / f"{name}.bf16.pt2").read_bytes()

    def check_evaluation(self, on: str) -> None:
        """A worker is killed, and what is found is what one process finds."""
        assert self.ran("-m", "narrowcast", "generate", "one.yaml").returncode == 0
        (self.folder / "kill-shard").touch()
        plan, model, said = self.converted("one", "--on", on, "--workers", "2")
        assert not (self.folder / "kill-shard").exists()
        assert "loaded in the workers" in said
        assert (plan, model) == self.converted("one")[:2]

    def check_fleet(self, on: str) -> None:
        """A worker is killed, a spec is broken: all others are converted; once."""
        (self.folder / "kill-fleet").touch()
        fleet = ("-m", "narrowcast", "run", "one.yaml", "broken.yaml", "two.yaml")
        options = ("--on", on, "--no-timing", "--json", "--output", "made")
        done = self.ran(*fleet, *options)
        assert not (self.folder / "kill-fleet").exists(), done.stderr
        found = json.loads(done.stdout)
        assert [run["exit_code"] for run in found["runs"]] == [0, 2, 0], done.stderr
        assert done.returncode == 2
        assert not (self.folder / "survived").exists()
        made = [(self.folder / f"made/{n}/{n}.bf16.pt2") for n in ("one", "two")]
        assert made[0].read_bytes() == made[1].read_bytes()
        times = [path.stat().st_mtime_ns for path in made]
        again = self.ran(*fleet, *options, "--resume")
        states = [run["state"] for run in json.loads(again.stdout)["runs"]]
        assert states == ["up to date", "failed", "up to date"], again.stderr
        assert [path.stat().st_mtime_ns for path in made] == times
        told = self.ran("-m", "narrowcast", "report", "made")
        assert told.returncode == 0, told.stderr
        assert "one" in told.stdout and "two" in told.stdout
