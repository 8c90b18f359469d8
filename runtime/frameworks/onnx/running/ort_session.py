"""Sessions of ONNX Runtime's CPU provider."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime as ort

from ...listing import listed
from ...protocol import Array
from ..ir.serialization import Opened
from .carried import as_carried, carried
from .switches import ONNXRUNTIME

BEFORE_22 = listed(
    """
    Bernoulli GlobalLpPool MaxRoiPool RandomNormal RandomNormalLike RandomUniform
    RandomUniformLike RoiAlign
    """
)
"""Operators whose kernels ONNX Runtime knows up to opset 21 only."""


def readable(model: ir.Model) -> ir.Model:
    """The model as ONNX Runtime and NumPy can handle it, without bfloat16 in ops.

    In an opset that has all kernels there (all that opset 22 brought is types, bfloat16
    first), and with a border of types that NumPy has.
    """
    model = carried(model)
    if model.opset_imports.get("") != 22 or not any(
        node.op_type in BEFORE_22 and not node.domain
        for node in model.graph.all_nodes()
    ):
        return model
    copy = model.clone()
    copy.opset_imports[""] = 21
    return copy


LEVELS = ("ENABLE_ALL", "ENABLE_EXTENDED", "ENABLE_BASIC", "DISABLE_ALL")
"""ONNX Runtime's levels of optimization, its default first."""

ALL, NONE = 0, len(LEVELS) - 1


class OrtSession:
    """One model in ONNX Runtime, called with arrays in the order of its inputs."""

    def __init__(self, opened: Opened, *, optimized: bool, level: int = ALL) -> None:
        self.opened = opened
        self.session = session(opened.source, level if optimized else NONE)
        self.names = [each.name for each in self.session.get_inputs()]
        self.types = {each.name: each.type for each in self.session.get_outputs()}
        self.outputs = [each.name for each in self.session.get_outputs()]

    def __call__(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        found = self.run(dict(zip(self.names, inputs, strict=True)))
        return tuple(array for each in found for array in flattened(each))

    def run(self, feeds: Mapping[str, Array]) -> list[Any]:
        """The outputs; what is no tensor comes as ONNX Runtime makes it."""
        given = {name: _contiguous(value) for name, value in feeds.items()}
        found: list[Any] = self.session.run(self.outputs, given)
        return found


def _contiguous(value: Any) -> Any:
    """An array as ONNX Runtime takes it; in a sequence each."""
    if isinstance(value, list):
        return [_contiguous(each) for each in value]
    if not isinstance(value, np.ndarray):
        return value
    return np.ascontiguousarray(as_carried(value)).reshape(value.shape)


def flattened(value: Any) -> Iterator[Array]:
    """The arrays of an output: of a sequence or a map one after the other.

    Of an optional value that is none, an empty one.
    """
    if isinstance(value, list):
        for each in value:
            yield from flattened(each)
    elif isinstance(value, dict):
        yield np.asarray([value[key] for key in sorted(value)])
    else:
        yield np.zeros(0, np.float32) if value is None else np.asarray(value)


def session(source: bytes | Path, level: int) -> ort.InferenceSession:
    """Open a model on the CPU.

    Args:
        level: Place in `LEVELS`: how much ONNX Runtime may fuse; at the last, each
            operator runs as written.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    name = f"ORT_{LEVELS[level]}"
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, name)
    if level == NONE:  # a second copy of the weights, for a run or two
        options.add_session_config_entry("session.disable_prepacking", "1")
    for key, value in ONNXRUNTIME.items():
        options.add_session_config_entry(key, value)
    if threads := os.environ.get("OMP_NUM_THREADS"):
        options.intra_op_num_threads = int(threads)
    model = source if isinstance(source, bytes) else os.fspath(source)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
