"""Where floats that stand for integers come from: DequantizeLinear, through movers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..naming import constant
from ..operators import MOVER, is_standard

BYTES = frozenset({ir.DataType.INT8, ir.DataType.UINT8})


@dataclass(frozen=True, slots=True)
class Origin:
    """What dequantized values were.

    Attributes:
        dtypes: The types of the integers.
        symmetric: Whether zero stands for zero.
        constant: Whether they are a weight.
        lone: Whether they were quantized for this reader alone.
    """

    dtypes: frozenset[ir.DataType]
    symmetric: bool
    constant: bool
    lone: bool


class Origins:
    """The origin of each value of a model that has one."""

    def __init__(self, model: ir.Model) -> None:
        self._found: dict[ir.Value, Origin] = {}
        self._biases: set[ir.Value] = set()
        for node in model.graph.all_nodes():
            if not is_standard(node):
                continue
            if node.op_type == "DequantizeLinear":
                self._dequantized(node)
            elif node.op_type in MOVER:
                self._moved(node)

    def of(self, value: ir.Value | None) -> Origin | None:
        """None where a value is a float of its own right."""
        return None if value is None else self._found.get(value)

    def is_bias(self, value: ir.Value) -> bool:
        """Whether a value was 32 bits, in the scale of what it is added to."""
        return value in self._biases

    def _dequantized(self, node: ir.Node) -> None:
        data, scale, *rest = node.inputs
        (made,) = node.outputs
        if data is None or scale is None or constant(scale) is None:
            return
        if data.dtype == ir.DataType.INT32:
            self._biases.add(made)
            return
        blocks = node.attributes.get_int("block_size", 0)
        if data.dtype is None or made.dtype not in (None, ir.DataType.FLOAT) or blocks:
            return
        zero = rest[0] if rest else None
        tensor = None if zero is None else constant(zero)
        if zero is not None and tensor is None:
            return  # found at run time: dynamic quantization
        symmetric = tensor is None or not np.any(tensor.numpy())
        stored = constant(data) is not None
        alone = len(data.uses()) == 1 and len(made.uses()) == 1
        self._found[made] = Origin(frozenset({data.dtype}), symmetric, stored, alone)

    def _moved(self, node: ir.Node) -> None:
        floats = [
            value
            for value in node.inputs
            if value is not None and value.dtype in (None, ir.DataType.FLOAT)
        ]
        moved = [value for value in floats if constant(value) is None]
        taken = [self._found[value] for value in moved if value in self._found]
        if not taken or len(taken) < len(moved):
            return
        for value in node.outputs:
            if value.dtype in (None, ir.DataType.FLOAT):
                self._found[value] = _together(taken, len(value.uses()) == 1)


def _together(taken: Sequence[Origin], alone: bool) -> Origin:
    return Origin(
        frozenset().union(*(each.dtypes for each in taken)),
        all(each.symmetric for each in taken),
        all(each.constant for each in taken),
        alone and all(each.lone for each in taken),
    )
