"""The frameworks that can be asked what they compute natively, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..graph.graph import Precision

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework that narrowcast has an adapter for.

    Attributes:
        title: Its name for people.
        lowest: The lowest version that the adapter works with.
        extra: narrowcast's extra that installs it.
        builds: Other distributions that are the framework.
        executes: Whether models are run here; if not, files for elsewhere are made.
        devices: Where models are run.
    """

    title: str
    lowest: str
    extra: str
    builds: tuple[str, ...] = ()
    executes: bool = True
    devices: tuple[Device, ...] = ("cpu",)


FRAMEWORKS: Mapping[str, Framework] = {
    "torch": Framework(
        "PyTorch", lowest="2.10", extra="pytorch", devices=("cpu", "cuda")
    ),
    "tensorflow": Framework(
        "TensorFlow",
        lowest="2.16",
        extra="tensorflow",
        builds=("tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    ),
    "mxnet": Framework("MXNet", lowest="1.9", extra="mxnet"),
    "openvino": Framework("OpenVINO", lowest="2025.0", extra="onnx"),
    "onnxruntime": Framework("ONNX Runtime", lowest="1.20", extra="onnx"),
    "onnx": Framework("ONNX", lowest="1.19", extra="onnx", executes=False),
}
"""Distribution → framework."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a framework says of one precision on one device of this machine.

    Attributes:
        supported: Its yes or no. For "cuda": whether it can use a device.
        said: The call and its result, for people.
        capability: Compute capability of the CUDA device, if there is one.
        remedy: What to do instead where forcing it is of no use, else "".
        anywhere: Whether that is so on any machine, not on this one alone.
    """

    supported: bool
    said: str
    capability: tuple[int, int] | None = None
    remedy: str = ""
    anywhere: bool = True


FrameworkAnswer = Callable[[Precision, Device], Answer]
"""Asks the framework, importing it (`Adapter.answer`): a RequirementError if it can't be
imported."""
