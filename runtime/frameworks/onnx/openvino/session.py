"""Models compiled by OpenVINO for this CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import openvino as ov

from ...protocol import Array
from ..ir.serialization import Opened
from ..running.switches import OPENVINO


@cache
def core() -> Any:
    """OpenVINO's entry point; loading its plugins takes a while."""
    return ov.Core()


def compiled(source: bytes | Path) -> Any:
    """A model compiled for this CPU."""
    properties: dict[str, Any] = dict(OPENVINO)
    if threads := os.environ.get("OMP_NUM_THREADS"):
        properties["INFERENCE_NUM_THREADS"] = int(threads)
    model = core().read_model(
        source if isinstance(source, bytes) else os.fspath(source)
    )
    return core().compile_model(model, "CPU", properties)


class OvSession:
    """One compiled model, called with arrays in the order of its inputs.

    OpenVINO leaves out inputs that nothing reads.

    Args:
        inputs: Of each input of the model the names that OpenVINO may know it by.
    """

    def __init__(self, opened: Opened, inputs: Sequence[Sequence[str]]) -> None:
        self.opened = opened
        self.compiled = compiled(opened.source)
        known = {
            name: k
            for k, each in enumerate(self.compiled.inputs)
            for name in each.names
        }
        self.ports = [
            next((known[name] for name in names if name in known), None)
            for names in inputs
        ]
        self.request = self.compiled.create_infer_request()

    def __call__(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        self.request.infer(self.tensors(inputs))
        count = len(self.compiled.outputs)
        return tuple(_array(self.request.get_output_tensor(k)) for k in range(count))

    def tensors(self, inputs: Sequence[Array]) -> dict[int, Any]:
        """The inputs as OpenVINO takes them, by port."""
        pairs = zip(self.ports, inputs, strict=True)
        return {port: _tensor(value) for port, value in pairs if port is not None}


def _tensor(value: Array) -> Any:
    """An OpenVINO tensor over the array's memory, or over a copy in C order."""
    # By its name: NumPy has two int64, OpenVINO knows one.
    dtype = np.dtype(value.dtype.name)
    value = np.ascontiguousarray(value, dtype).reshape(value.shape)
    if value.dtype == ml_dtypes.bfloat16:
        bits = value.view(np.uint16)
        return ov.Tensor(bits, ov.Shape(list(value.shape)), ov.Type.bf16)
    return ov.Tensor(value, shared_memory=value.ndim > 0 and value.flags.writeable)


def _array(tensor: Any) -> Array:
    """A copy of an output: the request will write over it."""
    data = np.array(tensor.data)
    if tensor.element_type == ov.Type.bf16:
        return data.view(np.uint16).view(ml_dtypes.bfloat16)
    return data
