"""fp32 means fp32: what PyTorch would narrow by itself is switched off."""

from __future__ import annotations

import os

import torch


def hold_fp32() -> dict[str, str]:
    """Set every switch that lets fp32 ops compute in fewer bits, and say what is set.

    Covers oneDNN's fpmath mode (bf16 on CPUs; its variable is read at the first op)
    and TF32 (CUDA), see "Numerical accuracy" in PyTorch's documentation. TF32 goes
    through the older of torch's two interfaces: torch.export reads that one, and
    torch refuses a mix.
    """
    os.environ["ONEDNN_DEFAULT_FPMATH_MODE"] = "STRICT"
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    return {
        "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
        "torch.set_float32_matmul_precision": "highest",
        "torch.backends.cudnn.allow_tf32": "False",
    }
