"""Ask a framework what it can do, in a process of its own.

One that is broken, hangs, or dies on an instruction that a hypervisor only pretends to
have takes no other process with it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..common.errors import RequirementError
from ..graph.graph import Precision
from ..hardware.answers import FRAMEWORKS, Answer, Device
from ..hardware.instructions import CPU_FLAGS
from .adapters import adapter_of

CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from importlib import import_module
print(import_module(sys.argv[2]).tell(sys.argv[3]))
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a framework answered.

    Attributes:
        answers: (precision, device) → answer.
        devices: CUDA devices, with compute capability.
        problem: Why it could not be asked, "" if it could.
    """

    answers: Mapping[tuple[Precision, Device], Answer]
    devices: tuple[str, ...] = ()
    problem: str = ""


def ask(distribution: str, seconds: float = 120.0) -> Asked:
    """Ask an installed framework in a child process.

    Args:
        seconds: Time that the framework has for its import and its answers.
    """
    module = f"{__package__}.interview"
    arguments = [json.dumps(sys.path), module, distribution]
    command = [sys.executable, "-I", "-c", CHILD, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return Asked({}, problem=f"gave no answer within {seconds:g} s")
    except OSError as error:
        return Asked({}, problem=f"could not be asked: {error}")
    if done.returncode != 0:
        return Asked({}, problem=cause(done.returncode, done.stderr))
    # What the framework itself prints comes before the answer.
    return heard(done.stdout.splitlines()[-1])


def cause(code: int, stderr: str) -> str:
    """Why a child ended without an answer, in one line."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name} when asked"
    lines = stderr.strip().splitlines()
    return f"failed when asked: {lines[-1]}" if lines else f"exited with status {code}"


def tell(distribution: str) -> str:
    """What a framework answers, imported in this process, as one line of JSON."""
    adapter = adapter_of(distribution)
    try:
        told = [
            [precision, device, asdict(adapter.answer(precision, device))]
            for device in FRAMEWORKS[distribution].devices
            for precision in CPU_FLAGS
        ]
        return json.dumps({"answers": told, "devices": adapter.devices()})
    except RequirementError as error:
        return json.dumps({"problem": error.message})


def heard(line: str) -> Asked:
    """The answers in a line that `tell` made."""
    told = json.loads(line)
    answers: dict[tuple[Precision, Device], Answer] = {}
    for precision, device, answer in told.get("answers", ()):
        capability = answer["capability"]
        answers[Precision(precision), device] = Answer(
            answer["supported"],
            answer["said"],
            tuple(capability) if capability else None,
            answer["remedy"],
        )
    return Asked(answers, tuple(told.get("devices", ())), told.get("problem", ""))
