"""From the prepared network to the Graph that placement and search see."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ...graph.graph import Graph, Kind, Op, Slot, Tensor
from ..absorbed import absorbing, remembered
from ..picturing import settled
from ..protocol import Inputs
from .ir import operators
from .ir.arrays import name_of
from .ir.flops import flops
from .ir.naming import Names
from .ir.operators import CONTROL_FLOW
from .ir.prepared import Prepared
from .ir.quantized.nodes import on_integers
from .ir.slots import castable
from .running.bodies import body_flops
from .running.interpreter import Runner, Step


def picture(prepared: Prepared, batch: Inputs) -> Graph:
    """Run the network once on a real batch and describe what was seen."""
    network, names = prepared.network, Names(prepared.network)
    runner = Runner(network, batch)
    tensors = {tensor.name: tensor for tensor in _variables(runner, names)}
    ops = []
    for step in runner.steps():
        for k, value in enumerate(step.outputs):
            name = names.tensor((step.index, k))
            tensors[name] = Tensor(name, name_of(value.dtype), value.shape)
        ops.append(_op(prepared, names, tensors, step))
    return Graph(
        ops=tuple(ops),
        tensors=tensors,
        inputs=tuple(names.tensor((index, 0)) for index in network.inputs),
        outputs=tuple(map(names.tensor, network.heads)),
        dropped=remembered(prepared.told.dropped),
    )


def _variables(runner: Runner, names: Names) -> list[Tensor]:
    """Inputs, labels and parameters; a label's values mean nothing: it is constant."""
    network = runner.network
    given = dict(zip(network.inputs, runner.batch, strict=True))
    found = []
    for index, node in enumerate(network.nodes):
        if not node.variable:
            continue
        name = names.tensor((index, 0))
        if index in given:
            value = given[index]
            found.append(Tensor(name, name_of(value.dtype), value.shape))
        elif index in network.labels:
            found.append(Tensor(name, "float32", runner.shapes[index, 0], True))
        else:
            values = network.parameters[node.name]
            found.append(Tensor(name, name_of(values.dtype), values.shape, True))
    return found


def _op(
    prepared: Prepared, names: Names, tensors: Mapping[str, Tensor], step: Step
) -> Op:
    node = step.node
    taken = [
        Slot(names.tensor(entry), castable(node, k))
        for k, entry in enumerate(node.inputs)
    ]
    outputs = tuple(names.tensor((step.index, k)) for k in range(len(step.outputs)))
    kind, slots = settled(operators.kind(node), taken, outputs, tensors)
    op = Op(
        id=names.ids[step.index],
        type=node.op,
        kind=kind,
        inputs=slots,
        outputs=outputs,
        flops=_flops(step, kind),
        key=step.index,
        growth=operators.growth(node.op),
        quantized=on_integers(node.op, node.attrs),
    )
    return absorbing(op, prepared.told.absorbed.get(node.name, ()))


def _flops(step: Step, kind: Kind) -> int:
    inputs = [value.shape for value in step.inputs]
    outputs = [value.shape for value in step.outputs]
    if step.node.op in CONTROL_FLOW:
        return body_flops(step.node, step.inputs, outputs)
    if kind is Kind.POINTWISE:
        return sum(map(prod, outputs))
    return flops(step.node, inputs, outputs)
