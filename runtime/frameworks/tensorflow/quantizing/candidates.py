"""Which contractions of a model can be written in int8, and why others can't."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ....graph.graph import Graph, Kind
from ...quantizing.quantization import Integers, Quantization, Sides
from ..ir import schemas
from ..ir.frozen import Frozen
from ..ir.int8.candidate import Candidate
from ..ir.kernel_fusion import BIAS, only_reader, readers_of
from ..ir.naming import data, parsed, waits
from ..ir.regions import Region
from ..running.interpreter import key_of
from ..writing.int8.nodes import CONVOLUTIONS
from . import sums

OPERATORS = frozenset({*CONVOLUTIONS, "MatMul"})


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
    def tensors(self) -> dict[str, Integers]:
        """Tensor that becomes integers → how; the first that takes it decides."""
        found: dict[str, Integers] = {}
        for op in self.ops.values():
            for name in op.tensors:
                found.setdefault(name, op.integers)
        for op in self.ops.values():
            if op.shifted:
                found[op.added] = replace(op.integers, dtype="uint8", scheme="asym")
        return found

    @property
    def shifted(self) -> set[str]:
        """Tensors that may have a zero point."""
        return {op.added for op in self.ops.values() if op.shifted}


def candidates(
    main: Region,
    frozen: Frozen,
    graph: Graph,
    how: Quantization,
    alone: Collection[str] = (),
) -> Candidates:
    """Go through a model's contractions.

    Args:
        alone: Ids of convolutions whose kernels are to add nothing.
    """
    looked = _Look(main, frozen, graph)
    found: dict[str, Candidate] = {}
    refusals: dict[str, str] = {}
    for op in graph.ops:
        if op.kind is not Kind.COMPUTE:
            continue
        region, name = key_of(op)
        try:
            if region:
                raise _Refused("it is in a body, in which no ranges are taken")
            if how.dynamic:
                raise _Refused("TensorFlow's kernels want scales before they run")
            node, sides = main.by_name[name], how.of(op.id)
            made = {each.end for each in found.values() if each.rounded}
            found[op.id] = looked.candidate(node, sides, made, op.id not in alone)
        except _Refused as why:
            refusals[op.id] = str(why)
    return Candidates(found, refusals)


class _Look:
    def __init__(self, main: Region, frozen: Frozen, graph: Graph) -> None:
        self.main, self.graph, self.readers = main, graph, readers_of(main)
        self.waited = {each for node in main.nodes for each in waits(node)}
        self.returned = {
            parsed(end.tensor)[0]
            for signature in frozen.signatures
            for end in signature.outputs
        }

    def candidate(
        self, node: Any, sides: Sides, made: Collection[str], adds: bool
    ) -> Candidate:
        """What a node takes.

        Args:
            made: What the kernels before it make as integers.
            adds: Whether its kernel may add something.
        """
        if node.op not in OPERATORS:
            raise _Refused(f"no int8 form of {node.op} is known")
        self._check_attributes(node)
        _check_sides(sides)
        taken, weight = data(node)
        if self._constant(taken):
            raise _Refused("its first operand is a constant")
        if not self._constant(weight):
            raise _Refused("its weight is computed, or too large for a graph")
        adds = adds and sides.activation.dtype != "int8"
        chain, bias, relu, sum_, added = self._chain(node, adds)
        if any(name in self.waited for name in chain) or waits(node):
            raise _Refused("other ops wait for it, or it for them")
        whole = node.op in CONVOLUTIONS
        channels = sides.weight.granularity != "per_tensor"
        rank = 4 if whole else 2
        if node.op == "DepthwiseConv2dNative":
            # oneDNN counts a scale for each pair of channel and multiplier.
            channels = False
        return Candidate(
            chain,
            taken,
            sides.activation,
            parsed(weight)[0],
            rank - 1 if channels else None,
            bool(not whole and schemas.attribute(node, "transpose_b").b),
            bias,
            relu,
            whole,
            sum_,
            added,
            added in made and len(self.readers[parsed(added)[0]]) == 1,
        )

    def _check_attributes(self, node: Any) -> None:
        if node.op == "MatMul" and schemas.attribute(node, "transpose_a").b:
            raise _Refused("it takes its activation transposed")
        if node.op != "MatMul" and schemas.attribute(node, "data_format").s != b"NHWC":
            raise _Refused("its channels come first")
        (made, *_others) = schemas.outputs(node)
        if made.type != schemas.FLOAT:
            raise _Refused("it does not compute in fp32")

    def _chain(
        self, node: Any, adds: bool
    ) -> tuple[tuple[str, ...], str, bool, str, str]:
        """Nodes of the kernel, the bias, whether it ends in a ReLU, and its sum."""
        chain, bias, sum_, added = [node.name], "", "", ""
        relus = sums.RELUS if node.op in CONVOLUTIONS else frozenset({"Relu"})
        following = self._following(node.name)
        if following is not None and following.op in BIAS:
            made, biased_by = data(following)
            if made == node.name and self._constant(biased_by):
                chain.append(following.name)
                bias = biased_by
                following = self._following(following.name)
        if following is not None and adds and node.op in CONVOLUTIONS:
            found = sums.addend(self.main, self.graph, self.readers, chain, following)
            last = self._following(following.name)
            if found and found not in self.returned and last and last.op in relus:
                chain.append(following.name)
                sum_, added, following = following.name, found, last
        relu = following is not None and following.op in relus
        if relu:
            assert following is not None
            chain.append(following.name)
        return tuple(chain), bias, relu, sum_, added

    def _following(self, name: str) -> Any | None:
        if name in self.returned:
            return None
        return only_reader(self.main, self.readers, name)

    def _constant(self, reference: str) -> bool:
        return bool(self.main.by_name[parsed(reference)[0]].op == "Const")


def _check_sides(sides: Sides) -> None:
    if sides.activation.granularity == "per_channel":
        raise _Refused("no kernel takes activations with a scale for each channel")
    if sides.weight.dtype == "uint8" or sides.weight.scheme == "asym":
        raise _Refused("oneDNN's kernels take weights in int8, without a zero point")
