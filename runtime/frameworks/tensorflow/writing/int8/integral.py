"""The int8 ops of a region, written: integers are handed on where the next op takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .....graph.graph import Precision
from ....protocol import Array
from ....quantizing.quantization import Scale
from ...ir.int8.candidate import Candidate, Quantized, weight_integers
from ...ir.naming import parsed
from ...ir.regions import Region
from ...ir.weights import constant, value_of
from . import nodes
from .nodes import Integral

FP32, BF16 = Precision.FP32, Precision.BF16

Version = Callable[[str, Precision], str]
Free = Callable[[str], str]


class Int8:
    """What the ops of a region that are int8 become.

    Args:
        ops: Name → what is to be written, of those alone.
        written: Where nodes go.
        version: A tensor in a float precision.
        free: A name that no other node has.
    """

    def __init__(
        self,
        source: Region,
        ops: Mapping[str, Candidate],
        scales: Mapping[str, Scale],
        written: list[Any],
        version: Version,
        free: Free,
    ) -> None:
        self.source, self.scales, self.written = source, scales, written
        self.version, self.free = version, free
        self.parts = {name: each for each in ops.values() for name in each.chain}
        self.ends = {each.end: each for each in ops.values()}
        self.constants = {
            name
            for each in ops.values()
            for name in (each.weight, parsed(each.bias)[0])
        }
        self.known: dict[str, Integral] = {}
        self.floats: dict[tuple[str, Precision], str] = {}

    def write(self, name: str) -> None:
        """A node that is part of an int8 kernel: all of it is written at its end."""
        op = self.parts[name]
        if name != op.end:
            return
        given = self._quantized(op.taken)
        operands = self._operands(op, given)
        if op.rounded:
            self._convolution(op, operands)
        else:
            self._product(op, operands, FP32)

    def made(self, reference: str, precision: Precision) -> str | None:
        """What a kernel made in fp32 or bf16, as it can be had from it for the least."""
        op = self.ends.get(reference)
        if op is None or precision not in (FP32, BF16):
            return None
        known = self.floats.get((reference, precision))
        if known is not None:
            return known
        if not op.rounded:
            return None
        scale = self.scales[reference]
        if scale.zero_point and precision is not FP32:
            return None
        name = self._name(reference, precision)
        first = self.free(f"{name}/shifted") if scale.zero_point else name
        node = nodes.dequantize(first, self.known[reference], scale.dtype, precision)
        self.written.append(node)
        if scale.zero_point:
            by = constant(f"{first}/by", -nodes.shift(scale))
            self.written += [by, nodes.added(name, first, by.name)]
        self.floats[reference, precision] = name
        return name

    def _name(self, reference: str, precision: Precision) -> str:
        """fp32 has the name that users know."""
        return reference if precision is FP32 else self.free(f"{reference}/{precision}")

    def _quantized(self, reference: str) -> Integral:
        """The tensor in integers, once for all that take it."""
        if reference not in self.known:
            scale = self.scales[reference]
            source = self.version(reference, FP32)
            name = self.free(f"{reference.replace(':', '_')}/int8")
            source = self._moved(source, name, nodes.shift(scale))
            low, high = nodes.range_nodes(name, scale)
            node = nodes.quantize(name, source, (low.name, high.name), scale)
            self.written += [low, high, node]
            self.known[reference] = Integral(name, f"{name}:1", f"{name}:2")
        return self.known[reference]

    def _moved(self, source: str, name: str, by: np.float32) -> str:
        """A tensor in fp32 with this added to it."""
        if not by:
            return source
        constant_ = constant(f"{name}/by", by)
        made = nodes.added(self.free(f"{name}/shifted"), source, constant_.name)
        self.written += [constant_, made]
        return str(made.name)

    def _operands(self, op: Candidate, given: Integral) -> nodes.Operands:
        values = value_of(self.source.by_name[op.weight])
        values = values.T if op.turned else values
        whole, high = weight_integers(values, op.axis)
        name = self.free(f"{op.chain[0]}/int8_weight")
        ends = constant(f"{name}/low", -high), constant(f"{name}/high", high)
        self.written += [nodes.integers(name, whole), *ends]
        weight = Integral(name, ends[0].name, ends[1].name)
        return nodes.Operands(given, weight, self._bias(op, values.shape[-1]))

    def _bias(self, op: Candidate, channels: int) -> str:
        shift = self._shift(op)
        if op.bias and not shift:
            return self.version(op.bias, FP32)
        name = self.free(f"{op.chain[0]}/{'int8_bias' if shift else 'no_bias'}")
        own: Array = np.full(channels, shift)
        if op.bias:
            own = np.add(value_of(self.source.by_name[parsed(op.bias)[0]]), shift)
        self.written.append(constant(name, own))
        return name

    def _shift(self, op: Candidate) -> np.float32:
        """What a bias has besides: that of what is made, less that of what is added."""
        made = nodes.shift(self.scales[op.end]) if op.rounded else np.float32(0)
        return made - nodes.shift(self.scales[op.added]) if op.added else made

    def reads_bias(self, op: Candidate) -> bool:
        """Whether the kernel takes the bias as the model has it."""
        return bool(op.bias) and not self._shift(op)

    def _convolution(self, op: Candidate, taken: nodes.Operands) -> None:
        name = self.free(f"{op.end}/int8")
        scale = self.scales[op.end]
        low, high = nodes.range_nodes(name, scale)
        operands = nodes.Operands(
            taken.data,
            taken.weight,
            taken.bias,
            (low.name, high.name),
            self._quantized(op.added) if op.added else None,
        )
        node = nodes.convolution(
            name,
            self.source.by_name[op.chain[0]],
            operands,
            self.scales[op.taken].dtype,
            scale.dtype,
            op.relu,
        )
        self.written += [low, high, node]
        self.known[op.end] = Integral(name, f"{name}:1", f"{name}:2")

    def _product(
        self, op: Candidate, taken: nodes.Operands, precision: Precision
    ) -> None:
        given = self.scales[op.taken].dtype
        self.written.append(nodes.product(op.end, taken, given, op.relu, precision))
        self.floats[op.end, precision] = op.end


def of(
    source: Region,
    int8: Quantized,
    chosen: Mapping[str, Precision],
    written: list[Any],
    version: Version,
    free: Free,
) -> Int8:
    """The int8 ops of a region that a placement has in int8; only the main one has any."""
    ops = {
        name: each
        for name, each in int8.ops.items()
        if not source.id and chosen.get(name) is Precision.INT8
    }
    return Int8(source, ops, int8.scales, written, version, free)
