"""MXNet's own word on what it computes natively on this machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common.errors import ModelError
from ...common.processes.fresh import in_fresh_process
from ...graph.graph import Precision
from ...hardware.answers import Answer, Device
from .ir.arrays import on_device, widened
from .ir.library import mx, said_by
from .ir.weights import stored

NO_FP16 = "MXNet contracts in fp16 on no CPU: convert to bf16 (precisions: bf16)."

CLOSE = 0.05
"""Relative error beyond which a convolution in 16 bits is none."""


def answer(precision: Precision, device: Device) -> Answer:
    """As `Adapter.answer`.

    It has no question to ask, so a convolution is run, in a process of its own: a
    missing kernel may end it.
    """
    if device == "cuda":
        count = mx.context.num_gpus()
        return Answer(
            False, f"mx.context.num_gpus() is {count}, and only CPUs are used"
        )
    try:
        said = in_fresh_process(convolve, precision)
    except ModelError as error:
        said = error.message
    call = f"a Convolution in {precision}"
    if not said:
        return Answer(True, f"{call} runs")
    never = NO_FP16 if precision is Precision.FP16 else ""
    return Answer(False, f"{call} fails: {said}", remedy=never)


def convolve(precision: Precision) -> str:
    """Run a convolution in `precision`; what MXNet says if it can't, "" if it can."""
    random = np.random.default_rng(0)
    image = random.standard_normal((1, 16, 8, 8), np.float32)
    weight = random.standard_normal((16, 16, 3, 3), np.float32)

    def convolved(dtype: Precision) -> Any:
        arrays = [on_device(stored(each, dtype)) for each in (image, weight)]
        made = mx.nd.Convolution(*arrays, kernel=(3, 3), num_filter=16, no_bias=True)
        return widened(made)

    try:
        found, expected = convolved(precision), convolved(Precision.FP32)
    except mx.base.MXNetError as error:
        return said_by(error)
    off = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return "" if off < CLOSE else f"its result is off by {off:.0%}"


def devices() -> tuple[str, ...]:
    """No GPU: the adapter runs on CPUs."""
    return ()
