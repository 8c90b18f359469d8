"""Nothing is executed here, so no precision is missing."""

from __future__ import annotations

from ....graph.graph import Precision
from ....hardware.answers import Answer, Device


def answer(precision: Precision, device: Device) -> Answer:
    """Yes: the model is only written, whatever this machine computes."""
    return Answer(True, f"{precision} is checked by ONNX's schemas, not executed here")


def devices() -> tuple[str, ...]:
    """None: only CPUs are used."""
    return ()
