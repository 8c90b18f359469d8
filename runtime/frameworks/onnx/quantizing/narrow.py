"""Int8 kernels that leave 16 bits: what they take is dequantized to 16 bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ....graph.graph import Graph, Kind, Op, Precision
from ...quantizing.quantization import Integers
from ..ir.quantized.forms import Forms
from ..writing.int8.candidate import Candidate

FP32 = Precision.FP32


def left_in(graph: Graph, op: Op, forms: Forms) -> Precision:
    """What an op's int8 kernel is to leave its floats in.

    The model returns fp32: what ends there is not rounded on its way.
    """
    able = forms.narrow.get(op.type, frozenset())
    low = next((k.input for k in op.kernels if k.input in able), FP32)
    return FP32 if _is_returned(graph, op) else low


def narrowed(candidate: Candidate, made: Precision) -> Candidate:
    """A candidate whose kernel leaves a precision, which then holds all its scales."""
    if made is FP32:
        return candidate
    taken = {k: (name, _held(own)) for k, (name, own) in candidate.taken.items()}
    weight = candidate.weight
    if weight is not None:
        weight = replace(weight, integers=_held(weight.integers))
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


def _is_returned(graph: Graph, op: Op) -> bool:
    """Whether the model returns what the op makes, or what is made of that alone."""
    (name, *_others) = op.outputs
    while name not in graph.outputs:
        readers = [
            each for each in graph.ops if any(s.tensor == name for s in each.inputs)
        ]
        if len(readers) != 1:
            return False
        (reader,) = readers
        taken = [n for n in graph.castable(reader) if not graph.tensors[n].constant]
        through = reader.kind in (Kind.POINTWISE, Kind.MOVER)
        if not through or taken != [name]:
            return False
        name = reader.outputs[0]
    return True
