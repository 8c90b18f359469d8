"""Int8 kernels that leave 16 bits: what they take is dequantized to 16 bits."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from ....graph.graph import Graph, Kind, Op, Precision
from ...quantizing.quantization import Integers
from ..ir.quantized.forms import Forms
from ..writing.int8.candidate import Candidate

FP32 = Precision.FP32


def left_in(op: Op, forms: Forms, returned: Set[str]) -> Precision:
    """What an op's int8 kernel is to leave its floats in.

    What the model returns in fp32 is not rounded on its way.
    """
    able = forms.narrow.get(op.type, frozenset())
    low = next((k.input for k in op.kernels if k.input in able), FP32)
    return FP32 if op.outputs[0] in returned else low


def returned(graph: Graph) -> frozenset[str]:
    """Tensors that the model returns in fp32, or of which it returns what is made of each
    alone."""
    readers: dict[str, list[Op]] = {}
    for op in graph.ops:
        for name in {slot.tensor for slot in op.inputs if slot.tensor is not None}:
            readers.setdefault(name, []).append(op)
    found = {name for name, precision in graph.border if precision is FP32}
    for op in reversed(graph.ops):
        taken = [n for n in graph.castable(op) if not graph.tensors[n].constant]
        through = op.kind in (Kind.POINTWISE, Kind.MOVER) and len(taken) == 1
        if through and op.outputs[0] in found and readers[taken[0]] == [op]:
            found.add(taken[0])
    return frozenset(found)


def narrowed(candidate: Candidate, made: Precision) -> Candidate:
    """A candidate whose kernel leaves a precision, which then holds all its scales.

    Products of two activations leave fp32: the kernel that OpenVINO makes of attention
    gives wrong values where they leave bf16.
    """
    if made is FP32 or candidate.weight is None:
        return candidate
    taken = {k: (name, _held(own)) for k, (name, own) in candidate.taken.items()}
    weight = replace(candidate.weight, integers=_held(candidate.weight.integers))
    return replace(candidate, taken=taken, weight=weight, made=made)


def widened(candidate: Candidate) -> Candidate:
    """The same that leaves fp32."""
    return replace(candidate, made=FP32)


def with_shared_weights(
    graph: Graph, candidates: Mapping[str, Candidate]
) -> dict[str, Candidate]:
    """All that take a weight by the same integers: in scales that bf16 holds, if one is."""

    def weight(name: str) -> str | None:
        own = candidates[name].weight
        return None if own is None else graph.by_id[name].inputs[own.slot].tensor

    narrow = {
        weight(name)
        for name, each in candidates.items()
        if each.weight is not None and each.weight.integers.bf16
    }
    return {
        name: replace(
            each, weight=replace(each.weight, integers=_held(each.weight.integers))
        )
        if each.weight is not None and weight(name) in narrow
        else each
        for name, each in candidates.items()
    }


def _held(wanted: Integers) -> Integers:
    return replace(wanted, bf16=True)
