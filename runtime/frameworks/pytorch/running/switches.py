"""fp32 means fp32: what PyTorch would narrow by itself is switched off."""

from __future__ import annotations

import os
from functools import cache

import torch

from ....common.errors import FewerBitsError
from .device import CPU

EXACT = 1e-5
"""Relative RMS error well above fp32's and well below that of bf16 or TF32 inputs."""


def hold_fp32(device: torch.device = CPU) -> dict[str, str]:
    """Set every switch that lets fp32 ops compute in fewer bits, and say what is set.

    Covers oneDNN's fpmath mode (bf16 on CPUs; its variable is read at the first op)
    and TF32 (CUDA), see "Numerical accuracy" in PyTorch's documentation. TF32 goes
    through the older of torch's two interfaces: torch.export reads that one, and
    torch refuses a mix.

    Args:
        device: Where the model runs; its arithmetic is checked.

    Raises:
        RequirementError: fp32 ops compute in fewer bits all the same.
    """
    os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "STRICT"
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    _check_fp32(device)
    return {
        "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
        "torch.set_float32_matmul_precision": "highest",
        "torch.backends.cudnn.allow_tf32": "False",
    }


@cache
def _check_fp32(device: torch.device) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 16, 16, 16, generator=generator).to(device)
    weight = torch.randn(16, 16, 3, 3, generator=generator).to(device)
    rows, columns = image.view(64, 128), weight.view(128, 18)
    with torch.no_grad():
        pairs = (
            (
                torch.conv2d(image, weight),
                torch.conv2d(image.double(), weight.double()),
            ),
            (rows @ columns, rows.double() @ columns.double()),
        )
    error = max(float((a - b).norm() / b.norm()) for a, b in pairs)
    if error > EXACT:
        raise FewerBitsError(
            f"PyTorch computes fp32 in fewer bits here (relative error {error:.1e} on "
            f"{device})",
            "Unset ONEDNN_DEFAULT_FPMATH_MODE and NVIDIA_TF32_OVERRIDE, and set no "
            "fp32_precision in the model's code: nothing could be compared with such a "
            "baseline.",
        )
