"""Releases of the frameworks that scripts of each work with.

What a script checks before it starts, what its first lines let uv and pip install, and
narrowcast's extras are these (`tests/packaging/test_releases.py`). The first of a range
is the oldest that the adapter works with, its end the first that nobody could try.
"""

from __future__ import annotations

from dataclasses import dataclass

PYTHON = ">=3.11"

RUNTIME = ("numpy>=1.23,<3", "scipy>=1.9,<2")
"""What the runtime imports in every framework."""


@dataclass(frozen=True)
class Releases:
    """What is installed for scripts of one framework, as pip is told it.

    Attributes:
        framework: The framework itself, which the script checks.
        beside: What the adapter imports besides; in place of one of `RUNTIME` too.
        python: Versions of Python that it works with.
    """

    framework: str
    beside: tuple[str, ...]
    python: str = PYTHON


SAFETENSORS = "safetensors>=0.4,<1"

TORCHAO = "torchao>=0.18,<1"
"""What finds PyTorch's ranges, where a spec asks for int8."""

PYTORCH = Releases("torch>=2.10,<3", (SAFETENSORS,))
TENSORFLOW = Releases(
    "tensorflow>=2.16,<3", ("keras>=3.0,<4", "h5py>=3.10,<4", "protobuf>=3.20.3,<8")
)
MXNET = Releases("mxnet>=1.9,<2", ("numpy>=1.23,<1.24",), python="==3.11.*")

ONNX, ONNXRUNTIME = "onnx>=1.19,<2", "onnxruntime>=1.20,<2"
OPENVINO = "openvino>=2025.0,<2027"
READING = ("onnx-ir>=1.0,<2", "ml-dtypes>=0.5,<1", "protobuf>=4.25,<8")
"""What reads and rewrites an ONNX model, whichever runtime it is for."""

ON_OPENVINO = Releases(OPENVINO, (ONNX, ONNXRUNTIME, *READING))
ON_ONNXRUNTIME = Releases(ONNXRUNTIME, (ONNX, *READING))
ON_ANY = Releases(ONNX, (ONNXRUNTIME, *READING))


def distribution(requirement: str) -> str:
    """The name that a requirement begins with."""
    return requirement.partition(">")[0].partition("=")[0].partition("~")[0].strip()
