"""fp32 means fp32: what TensorFlow would narrow by itself is switched off."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ....common.errors import FewerBitsError

Array = npt.NDArray[Any]

EXACT = 1e-5
"""Relative RMS error well above fp32's and well below that of bf16 or TF32 inputs."""

GRAPPLER = (
    "auto_mixed_precision",
    "auto_mixed_precision_mkl",
    "auto_mixed_precision_onednn_bfloat16",
)
"""Grappler's passes that lower an op's precision, in graphs that name none."""


def hold_fp32() -> dict[str, str]:
    """Set every switch that lets fp32 ops compute in fewer bits, and say what is set.

    Covers grappler's mixed precision, oneDNN's fpmath mode (its own variable and
    TensorFlow's, both read at the first op) and TF32 (CUDA).

    Raises:
        RequirementError: fp32 ops compute in fewer bits all the same.
    """
    variables = {
        "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
        "TF_SET_ONEDNN_FPMATH_MODE": "",
    }
    os.environ.update(variables)
    tf.config.optimizer.set_experimental_options(dict.fromkeys(GRAPPLER, False))
    tf.config.experimental.enable_tensor_float_32_execution(False)
    _check_fp32()
    return {
        **variables,
        **{f"tf.config.optimizer: {name}": "False" for name in GRAPPLER},
        "tf.config.experimental.enable_tensor_float_32_execution": "False",
    }


@cache
def _check_fp32() -> None:
    generator = np.random.default_rng(0)
    image = generator.normal(size=(2, 16, 16, 16)).astype(np.float32)
    weight = generator.normal(size=(3, 3, 16, 16)).astype(np.float32)
    pairs = [
        (tf.nn.conv2d(image, weight, 1, "SAME"), _convolved(image, weight)),
        (
            tf.matmul(image.reshape(64, 128), weight.reshape(128, 18)),
            image.reshape(64, 128).astype(np.float64) @ weight.reshape(128, 18),
        ),
    ]
    error = max(_relative(found.numpy(), exact) for found, exact in pairs)
    if error > EXACT:
        raise FewerBitsError(
            f"TensorFlow computes fp32 in fewer bits here (relative error {error:.1e})",
            "Unset ONEDNN_DEFAULT_FPMATH_MODE, TF_SET_ONEDNN_FPMATH_MODE and "
            "NVIDIA_TF32_OVERRIDE: nothing could be compared with such a baseline.",
        )


def _convolved(image: Array, weight: Array) -> Array:
    """A 3×3 convolution with padding of one, in fp64."""
    padded = np.pad(image.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    size = image.shape[1]
    taps = [
        padded[:, i : i + size, j : j + size] @ weight[i, j].astype(np.float64)
        for i in range(3)
        for j in range(3)
    ]
    total: Array = np.sum(taps, axis=0)
    return total


def _relative(found: Array, exact: Array) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
