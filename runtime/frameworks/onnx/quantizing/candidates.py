"""Which ops of a model can be quantized, and what each takes as integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from ....graph.graph import Graph, Kind, Op
from ...quantizing.quantization import (
    Integers,
    Quantization,
    Sides,
    chosen,
    strictest,
)
from ..ir.naming import Names, Site, constant
from ..ir.quantized.forms import OPERATORS, Forms
from ..writing.int8.candidate import Candidate, Weight
from .narrow import left_in, narrowed, returned, with_shared_weights
from .sums import sums

BIAS = 2
"""Index of the bias among the inputs of Conv and Gemm."""


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
        """Activation → how it is to be quantized for all that take it."""
        found: dict[str, Integers] = {}
        for op in self.ops.values():
            taken = (*op.taken.values(), *((name, op.output) for name in op.rounded))
            for name, wanted in taken:
                found[name] = strictest(found.get(name, wanted), wanted)
        return found


def candidates(
    names: Names, graph: Graph, forms: Forms, how: Quantization
) -> Candidates:
    """Go through a model's contractions."""
    found: dict[str, Candidate] = {}
    refusals = {}
    ending = returned(graph)
    for site in names.ops:
        op = graph.by_id[site.id]
        if op.kind is not Kind.COMPUTE:
            continue
        try:
            if how.dynamic:
                found[op.id] = _dynamic(site, forms, how.of(op.id))
            else:
                wide = _candidate(site, op, forms, how.of(op.id))
                found[op.id] = narrowed(wide, left_in(op, forms, ending))
        except _Refused as why:
            refusals[op.id] = str(why)
    found = with_shared_weights(graph, found)
    if forms.sums and not how.dynamic:
        plain = {site.id for site in names.ops if not site.region}
        for add in sums(graph, found):
            sides = how.of(add)
            if add in plain and sides.activation.granularity != "per_channel":
                wanted = chosen(forms.activation, sides.activation)
                taken = enumerate(graph.by_id[add].inputs)
                own = {k: (str(slot.tensor), wanted) for k, slot in taken}
                found[add] = Candidate(own)
    return Candidates(found, refusals)


def _dynamic(site: Site, forms: Forms, sides: Sides) -> Candidate:
    """A product whose activation gets its scale as the model runs."""
    node, own = site.node, sides.activation
    if site.region:
        raise _Refused("it is in a body")
    if node.op_type not in forms.dynamic:
        raise _Refused("the runtime computes it in fp32 if scales come as it runs")
    if own.dtype == "int8" or own.scheme == "sym" or own.granularity == "per_channel":
        raise _Refused("scales that come as it runs are for uint8 with a zero point")
    data, other = node.inputs[:2]
    if data is None or constant(data) is not None:
        raise _Refused("its first operand is a constant")
    if other is None or constant(other) is None:
        raise _Refused("its weight is computed")
    if not _is_plain(node):
        raise _Refused("it is more than a product and a bias")
    wanted = chosen(forms.weight, sides.weight)
    return Candidate({}, Weight(1, *_channels(node, other, wanted)))


def _is_plain(node: ir.Node) -> bool:
    """Whether a Gemm has no factors, and takes its activation as it is."""
    factors = (node.attributes.get_float(name, 1.0) for name in ("alpha", "beta"))
    return all(each == 1 for each in factors) and not node.attributes.get_int(
        "transA", 0
    )


def _candidate(site: Site, op: Op, forms: Forms, sides: Sides) -> Candidate:
    node = site.node
    if node.op_type not in OPERATORS:
        raise _Refused(f"no int8 form of {node.op_type} is known")
    if site.region:
        raise _Refused("it is in a body, in which no ranges are taken")
    if sides.activation.granularity == "per_channel":
        raise _Refused("no kernel takes activations with a scale for each channel")
    data, other = node.inputs[:2]
    if data is None or other is None or constant(data) is not None:
        raise _Refused("its first operand is a constant")
    bias = _bias(node, forms)
    if constant(other) is None:
        return _of_activations(node, op, forms, sides)
    weight = Weight(1, *_channels(node, other, chosen(forms.weight, sides.weight)))
    wanted = chosen(forms.activation, sides.activation)
    whole = node.op_type in forms.whole or (forms.added and _is_added_to(node))
    return Candidate(
        {0: (str(op.inputs[0].tensor), wanted)},
        weight,
        bias,
        tuple(_last(node, op)) if whole else (),
        wanted,
        filled=node.op_type in forms.filled,
    )


def _of_activations(node: ir.Node, op: Op, forms: Forms, sides: Sides) -> Candidate:
    if node.op_type == "Conv":
        raise _Refused("its weight is computed")
    if len(node.inputs) > BIAS and node.inputs[BIAS] is not None:
        raise _Refused("its weight is computed, and it has a bias")
    taken = {
        k: (str(op.inputs[k].tensor), chosen(wanted, sides.activation))
        for k, wanted in enumerate(forms.pair)
    }
    return Candidate(taken)


def _bias(node: ir.Node, forms: Forms) -> int | None:
    """The slot of a bias that must be quantized."""
    bias = node.inputs[BIAS] if len(node.inputs) > BIAS else None
    if bias is None:
        return None
    stored = constant(bias)
    if stored is None:
        raise _Refused("its bias is computed")
    if node.op_type not in forms.biased:
        return None
    if len(stored.shape) != 1:
        raise _Refused("its bias is no vector")
    return BIAS


def _channels(
    node: ir.Node, weight: ir.Value, wanted: Integers
) -> tuple[int | None, Integers]:
    """The axis of a weight's channels, and how it is quantized."""
    stored = constant(weight)
    assert stored is not None
    rank = len(stored.shape)
    if rank < 2 or not stored.size:
        raise _Refused("its weight is no matrix")
    if wanted.granularity == "per_tensor":
        return None, wanted
    if node.op_type == "Conv":
        return 0, wanted
    turned = node.op_type == "Gemm" and node.attributes.get_int("transB", 0)
    return (0 if turned else rank - 1), wanted


def _is_added_to(node: ir.Node) -> bool:
    """Whether an Add alone reads a product: some runtimes make one op of the two."""
    readers = list(node.outputs[0].uses())
    return (
        node.op_type == "MatMul"
        and len(readers) == 1
        and readers[0][0].op_type == "Add"
        and readers[0][0].graph is node.graph
    )


def _last(node: ir.Node, op: Op) -> Iterator[str]:
    """What the op makes, and what a ReLU that alone reads it makes of that."""
    yield op.outputs[0]
    value = node.outputs[0]
    readers = [reader for reader, _ in value.uses()]
    if len(readers) == 1 and not value.is_graph_output():
        (reader,) = readers
        beside = reader.graph is node.graph  # not in the body of a branch
        if beside and not reader.domain and reader.op_type == "Relu":
            yield str(reader.outputs[0].name)
