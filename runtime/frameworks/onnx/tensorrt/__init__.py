"""TensorRT, which is not executed here: the schema says what it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..portable.answers import answer, devices
from ..runtime import LIBRARIES, Runtime

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

dependencies: tuple[str, ...] = LIBRARIES
executes = False


def executor() -> Executor:
    """What runs models."""
    from .executor import TENSORRT

    return TENSORRT


_runtime = Runtime(executor)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
signature, trace = _runtime.signature, _runtime.trace
