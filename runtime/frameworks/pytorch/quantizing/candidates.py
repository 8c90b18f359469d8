"""Which ops of a model can be quantized, and what each takes as integers.

The forms are those that inductor has kernels of oneDNN's for on CPUs
(`torch/_inductor/fx_passes/quantization.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx

from ....graph.graph import Graph, Kind, Op
from ...quantizing.quantization import (
    Integers,
    Quantization,
    Sides,
    chosen,
    strictest,
)
from ..ir import nodes
from ..ir.prepared import is_constant
from ..ir.values.quantized import is_mislaid
from ..writing.int8.candidate import Added, Candidate

CONVOLUTIONS = frozenset({"conv1d", "conv2d"})
PRODUCTS = frozenset({"matmul", "mm"})

ACTIVATION = Integers("uint8", "asym", "per_tensor", "minmax")
WEIGHT = Integers("int8", "sym", "per_channel", "minmax")
"""What the kernels want, where a spec says nothing else."""


class _Refused(Exception):
    """Why an op can't be written in int8."""


@dataclass(frozen=True)
class Candidates:
    """Those of a model.

    Attributes:
        ops: Op id → what it takes.
        refusals: Op id → why it can't be written in int8, of the other contractions.
    """

    ops: Mapping[str, Candidate]
    refusals: Mapping[str, str]

    @property
    def tensors(self) -> dict[str, tuple[str, Integers]]:
        """Activation → its node, and how it is quantized for all that take it."""
        found: dict[str, tuple[str, Integers]] = {}
        for op in self.ops.values():
            for tensor, data in op.activations.items():
                _node, known = found.get(tensor, (data, op.taken))
                found[tensor] = data, strictest(known, op.taken)
        return found


def candidates(graph: Graph, module: fx.GraphModule, how: Quantization) -> Candidates:
    """Go through a model's contractions.

    Args:
        module: The prepared one.
    """
    by_name = {node.name: node for node in module.graph.nodes}
    by_key = {str(op.key): op for op in graph.ops}
    found: dict[str, Candidate] = {}
    refusals, sums = {}, set[str]()
    for op in graph.ops:
        if op.kind is not Kind.COMPUTE or op.quantized:
            continue
        try:
            node = by_name.get(str(op.key))
            candidate = _candidate(op, node, how)
            assert node is not None
            added = None if how.dynamic else _added(node, by_key)
            if added is not None and added.sum not in sums:
                candidate = replace(candidate, added=added)
                sums.add(added.sum)
            found[op.id] = candidate
        except _Refused as why:
            refusals[op.id] = str(why)
    return Candidates(found, refusals)


def _candidate(op: Op, node: fx.Node | None, how: Quantization) -> Candidate:
    if node is None:
        raise _Refused("it is in a body, in which no ranges are taken")
    name, sides = nodes.operator_name(node), how.of(op.id)
    if name not in CONVOLUTIONS | PRODUCTS | {"linear"}:
        raise _Refused(f"inductor has no int8 kernel for {name}")
    if how.dynamic and name in CONVOLUTIONS:
        raise _Refused("inductor has no int8 convolution whose scales come as it runs")
    data, weight = _operands(node)
    if name in CONVOLUTIONS and is_mislaid(node):
        raise _Refused(
            "inductor mistakes the layout of images of one channel or pixel whose "
            "number varies"
        )
    taken, integers = _wanted(sides)
    # What reads it takes its first operand first: that is the one with a scale.
    tensor = str(op.inputs[0].tensor)
    turned = name in PRODUCTS
    return Candidate(node.name, data.name, tensor, weight.name, turned, taken, integers)


def _operands(node: fx.Node) -> tuple[fx.Node, fx.Node]:
    """An op's activation and its weight."""
    data, weight = nodes.operands(node)
    if not _is_fp32(data) or is_constant(data):
        raise _Refused("its first operand is no fp32 activation")
    if not is_constant(weight):
        raise _Refused("its weight is computed")
    assert isinstance(data, fx.Node)
    value = weight.meta["val"]
    if not _is_fp32(weight) or value.dim() < 2 or not value.numel():
        raise _Refused("its weight is no fp32 matrix")
    name = nodes.operator_name(node)
    if name not in CONVOLUTIONS and value.dim() != 2:
        raise _Refused("its weight is more than a matrix")
    if name in CONVOLUTIONS and data.meta["val"].dim() != value.dim():
        raise _Refused("its images have no batch")
    if name not in CONVOLUTIONS and data.meta["val"].dim() < 2:
        raise _Refused("it takes a vector")
    return data, weight


def _added(node: fx.Node, by_key: Mapping[str, Op]) -> Added | None:
    """What a convolution's kernel adds in place, if that can be integers.

    It must be read by nothing that comes later, since it is overwritten.
    """
    if nodes.operator_name(node) != "conv2d" or len(node.users) != 1:
        return None
    (total,) = node.users
    if total.target is not torch.ops.aten.add.Tensor or total.kwargs:
        return None
    places = [k for k, each in enumerate(total.args) if each is not node]
    if len(places) != 1:
        return None
    other = total.args[places[0]]
    data, _weight = nodes.operands(node)
    if not _is_fp32(other) or is_constant(other) or other is data:
        return None
    assert isinstance(other, fx.Node)
    same = other.meta["val"].shape == node.meta["val"].shape
    order = {each: k for k, each in enumerate(node.graph.nodes)}
    later = [each for each in other.users if order[each] > order[node]]
    if not same or later != [total]:
        return None
    tensor = by_key[total.name].inputs[places[0]].tensor
    return Added(total.name, other.name, str(tensor))


def _wanted(sides: Sides) -> tuple[Integers, Integers]:
    """How an op's activation and its weight are quantized."""
    taken, weight = chosen(ACTIVATION, sides.activation), chosen(WEIGHT, sides.weight)
    if taken.granularity == "per_channel":
        raise _Refused("no kernel takes activations with a scale for each channel")
    if (weight.dtype, weight.scheme) != ("int8", "sym"):
        raise _Refused("the kernels take weights as int8 without a zero point")
    return taken, weight


def _is_fp32(node: Any) -> bool:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32
