"""Ops of a graph written in int8, as the PyTorch 2 Export flow writes them.

Each stands between dequantizes of its own, which inductor makes a kernel of; what they
read is quantized once for all. Precisions are `rewrite`'s to give: dequantizes make
floats in the precision of the op that takes them.
"""

from __future__ import annotations

import operator
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.ao.quantization.fx._decomposed  # registers the operators
from torch import fx

from ....quantizing.quantization import Scale
from ...ir import nodes
from ...ir.prepared import add_constant
from ...ir.regions import copied
from .quantized import ENDS, TAKEN, WEIGHT, Quantized

decomposed = torch.ops.quantized_decomposed

EPS = float(torch.finfo(torch.float32).tiny)
"""The least scale of a batch: smaller ones are flushed."""

_POOLS = frozenset({torch.ops.aten.max_pool2d.default})

Between = tuple[Any, ...]
"""Scale, zero point, ends and dtype, as the operators take them."""


@dataclass
class _Writer:
    """A copy of a graph that is being changed.

    Attributes:
        quantized: Node → its integers, and how they are to be read.
        low: Names of new nodes that have the precision of the op that reads them.
    """

    module: fx.GraphModule
    int8: Quantized
    quantized: dict[fx.Node, tuple[fx.Node, Between]] = field(default_factory=dict)
    low: list[str] = field(default_factory=list)

    @property
    def graph(self) -> fx.Graph:
        return self.module.graph

    def write(self, name: str, by_name: dict[str, fx.Node]) -> None:
        """Put an op between integers."""
        op = self.int8.ops[name]
        node, data, weight = (by_name[n] for n in (op.node, op.data, op.weight))
        taken = self._dequantized(data, node, self.int8.scale(op.tensor))
        held = self._weight(name, weight, node)
        nodes.with_operands(node, (taken, held))
        if op.added is not None:
            total, other = by_name[op.added.sum], by_name[op.added.data]
            rounded = self._dequantized(other, total, self.int8.scale(op.added.tensor))
            total.replace_input_with(other, rounded)

    def _dequantized(self, data: fx.Node, op: fx.Node, scale: Scale | None) -> fx.Node:
        if data not in self.quantized:
            self.quantized[data] = self._quantized(data, scale)
        integers, how = self.quantized[data]
        overload = "default" if scale else "tensor"
        with self.graph.inserting_before(op):
            return self._call(
                getattr(decomposed.dequantize_per_tensor, overload),
                (integers, *how),
                data.meta["val"],
            )

    def _quantized(self, data: fx.Node, scale: Scale | None) -> tuple[fx.Node, Between]:
        value = data.meta["val"]
        made = value.to(TAKEN)
        with self.graph.inserting_before(_behind(data)):
            if scale is not None:
                how: Between = (scale.scale, scale.zero_point, *ENDS[TAKEN], TAKEN)
                quantize = decomposed.quantize_per_tensor.default
                return self._call(quantize, (data, *how), made), how
            found = self._call(
                decomposed.choose_qparams.tensor,
                (data, *ENDS[TAKEN], EPS, TAKEN),
                (value.new_empty(1, dtype=torch.float64), _whole(value)),
            )
            both = (value.new_empty(1, dtype=torch.float64), _whole(value))
            parts = [
                self._call(operator.getitem, (found, k), part)
                for k, part in enumerate(both)
            ]
            how = (*parts, *ENDS[TAKEN], TAKEN)
            quantize = decomposed.quantize_per_tensor.tensor
            return self._call(quantize, (data, *how), made), how

    def quantize_before_pools(self) -> None:
        """Let pools that are read as integers alone take integers.

        The largest of rounded values is the largest rounded, so nothing changes but
        what is moved, and that the kernel before can make integers.
        """
        for data, (integers, how) in self.quantized.items():
            alone = list(data.users) == [integers]
            if data.target not in _POOLS or not alone or self.int8.dynamic:
                continue
            (read, *others), value = data.args, integers.meta["val"]
            assert isinstance(read, fx.Node)
            if len(read.users) > 1:
                continue
            with self.graph.inserting_before(data):
                quantize = decomposed.quantize_per_tensor.default
                made = self._call(
                    quantize, (read, *how), read.meta["val"].to(value.dtype)
                )
                dequantize = decomposed.dequantize_per_tensor.default
                back = self._call(dequantize, (made, *how), read.meta["val"])
            data.args = (back, *others)

    def _weight(self, name: str, weight: fx.Node, op: fx.Node) -> fx.Node:
        known = self.int8.weight(name, self.module, weight)
        turned = self.int8.ops[name].turned
        value, stem = weight.meta["val"], str(weight.target)
        parts = [
            add_constant(self.module, f"{stem}_{what}", tensor, op)
            for what, tensor in (
                ("int8", known.values),
                ("scales", known.scales),
                ("zeros", known.zeros),
            )
        ]
        with self.graph.inserting_before(op):
            held = self._call(
                decomposed.dequantize_per_channel.default,
                (*parts, 0, *ENDS[WEIGHT], WEIGHT),
                value.t() if turned else value,
            )
            if not turned:
                return held
            back = self._call(torch.ops.aten.t.default, (held,), value)
            self.low.append(back.name)
            return back

    def _call(self, target: Any, args: tuple[Any, ...], value: Any) -> fx.Node:
        node = self.graph.call_function(target, args)
        node.meta["val"] = value
        return node


def in_int8(
    module: fx.GraphModule, int8: Quantized, ops: Collection[str]
) -> tuple[fx.GraphModule, dict[str, str]]:
    """A copy of a prepared graph with ops in int8; weights are shared.

    Args:
        ops: Their ids.

    Returns:
        The copy, and new node → the node whose precision it is to have.
    """
    writer = _Writer(copied(module), int8)
    by_name = {node.name: node for node in writer.graph.nodes}
    owners: dict[str, str] = {}
    for name in int8.ops:
        if name in ops:
            count = len(writer.low)
            writer.write(name, by_name)
            owners |= dict.fromkeys(writer.low[count:], int8.ops[name].node)
    writer.quantize_before_pools()
    writer.graph.eliminate_dead_code()
    writer.module.recompile()
    return writer.module, owners


def _behind(node: fx.Node) -> fx.Node:
    """Where what reads a node may stand: inputs come first."""
    behind = node.next
    while behind.op == "placeholder":
        behind = behind.next
    return behind


def _whole(value: torch.Tensor) -> torch.Tensor:
    return value.new_empty(1, dtype=torch.int64)
