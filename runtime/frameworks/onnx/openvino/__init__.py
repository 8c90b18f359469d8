"""OpenVINO executes the model on this machine's CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime import LIBRARIES, Runtime
from .answers import answer, devices

if TYPE_CHECKING:
    from ..running.session import Executor

__all__ = [
    "answer",
    "dependencies",
    "devices",
    "executes",
    "load_saved",
    "predictor",
    "signature",
    "trace",
]

dependencies: tuple[str, ...] = ("openvino", *LIBRARIES)
executes = True


def executor() -> Executor:
    """What runs models."""
    from .executor import OpenVino

    return OpenVino()


_runtime = Runtime(executor)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
signature, trace = _runtime.signature, _runtime.trace
