"""Which ops of a network can be quantized, and the tensors whose scales that takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....graph.graph import Graph, Kind, Op
from ...quantizing.quantization import (
    Integers,
    Quantization,
    Scales,
    Sides,
    chosen,
    strictest,
)
from ..ir.naming import Names
from ..ir.network import Network
from ..ir.quantized.chains import ADDS, CONV, FUSED, clamps, only_reader

SIGNS = Integers("", "sym", "per_tensor", "minmax")
"""What kernels take: no zero point; uint8 where nothing is negative, else int8."""


class _Refused(Exception):
    """Why an op can't be written in int8."""


@dataclass(frozen=True)
class Candidate:
    """An op that can be written in int8.

    Attributes:
        node: Index of its node in the prepared network.
        taken: The activation that it takes as integers.
        made: What may leave its kernel as integers: what it makes, the sum behind it,
            the ReLU behind that.
        wanted: How these are quantized.
    """

    node: int
    taken: str
    made: tuple[str, ...]
    wanted: Integers


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
    def tensors(self) -> dict[str, Integers]:
        """Activation → how it is to be quantized for all that take it."""
        found: dict[str, Integers] = {}
        for op in self.ops.values():
            for name in (op.taken, *op.made):
                found[name] = strictest(found.get(name, op.wanted), op.wanted)
        return found


def candidates(network: Network, graph: Graph, how: Quantization) -> Candidates:
    """Go through a model's contractions."""
    names, found, refusals = Names(network), {}, {}
    for op in graph.ops:
        if op.kind is not Kind.COMPUTE:
            continue
        try:
            if how.dynamic:
                raise _Refused("MXNet's convolutions want ranges before they run")
            found[op.id] = _candidate(network, names, op, how.of(op.id))
        except _Refused as why:
            refusals[op.id] = str(why)
    return Candidates(found, refusals)


def without_zero_points(found: Candidates, scales: Scales) -> Candidates:
    """Those whose scales have none: MXNet's integers always stand for 0 by 0."""
    ops, refusals = {}, dict(found.refusals)
    for name, op in found.ops.items():
        if scales[op.taken].zero_point:
            refusals[name] = (
                "MXNet's kernels take no zero point, which the range demands of "
                f"{scales[op.taken].dtype}"
            )
        else:
            ops[name] = op
    return Candidates(ops, refusals)


def _candidate(network: Network, names: Names, op: Op, sides: Sides) -> Candidate:
    index = op.key
    assert isinstance(index, int)
    node = network.nodes[index]
    if node.op not in FUSED:
        raise _Refused(f"no int8 form of {node.op} is known")
    if names.ids[index] != node.name:
        raise _Refused("another op has its name")
    if sides.activation.granularity == "per_channel":
        raise _Refused("no kernel takes activations with a scale for each channel")
    weight = sides.weight
    if weight.dtype == "uint8" or weight.scheme == "asym":
        raise _Refused("MXNet's weights are int8 without a zero point")
    if weight.granularity == "per_tensor":
        raise _Refused("its weight is quantized by channel: granularity per_channel")
    if network.constant(node.inputs[0][0]):
        raise _Refused("its first operand is a constant")
    if not all(network.constant(source) for source, _k in node.inputs[1:]):
        raise _Refused("its weight is computed")
    own = sides.activation
    wanted = chosen(SIGNS, own)
    if own.dtype == "uint8" and not own.scheme:
        wanted = Integers("uint8", "asym", wanted.granularity, wanted.algorithm)
    return Candidate(
        index, names.tensor(node.inputs[0]), _made(network, names, index), wanted
    )


def _made(network: Network, names: Names, index: int) -> tuple[str, ...]:
    found = [names.tensor((index, 0))]
    reader = only_reader(network, index)
    node = network.nodes[index]
    if reader is not None and node.op == CONV and network.nodes[reader].op in ADDS:
        found.append(names.tensor((reader, 0)))
        reader = only_reader(network, reader)
    if reader is not None and clamps(network.nodes[reader]):
        found.append(names.tensor((reader, 0)))
    return tuple(found)
