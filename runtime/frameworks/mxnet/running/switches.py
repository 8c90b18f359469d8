"""fp32 means fp32: what oneDNN would narrow by itself is switched off."""

from __future__ import annotations

import os
from functools import cache

import numpy as np

from ....common.errors import FewerBitsError
from ..ir.arrays import on_device, widened
from ..ir.library import mx

EXACT = 1e-5
"""Relative RMS error well above fp32's and well below that of bf16 inputs."""

BACKEND = "MXNET_SUBGRAPH_BACKEND"


def hold_fp32() -> dict[str, str]:
    """Set every switch that lets fp32 ops compute in fewer bits, and say what is set.

    MXNet 1.9 itself never narrows fp32; newer builds of oneDNN do on demand. Which
    fusions the executors make is stated too, since latencies hold for these alone.

    Raises:
        RequirementError: fp32 ops compute in fewer bits all the same.
    """
    os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "STRICT"
    os.environ.setdefault(BACKEND, "MKLDNN")
    _check_fp32()
    return {"ONEDNN_DEFAULT_FPMATH_MODE": "STRICT", BACKEND: os.environ[BACKEND]}


def backend() -> str:
    """The backend that executors hand symbols to, which fuses ops."""
    return os.environ.get(BACKEND, "MKLDNN")


@cache
def _check_fp32() -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((8, 128), np.float32)
    weight = random.standard_normal((16, 128), np.float32)
    found = widened(
        mx.nd.FullyConnected(
            on_device(rows), on_device(weight), num_hidden=16, no_bias=True
        )
    )
    expected = rows.astype(np.float64) @ weight.astype(np.float64).T
    error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    if error > EXACT:
        raise FewerBitsError(
            f"MXNet computes fp32 in fewer bits here (relative error {error:.1e})",
            "Unset ONEDNN_DEFAULT_FPMATH_MODE: nothing could be compared with such a "
            "baseline.",
        )
