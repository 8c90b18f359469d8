"""Running a network node by node, so that each op's real inputs can be seen."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from ....common.errors import DataError, ModelError
from ....graph.graph import Precision
from ..ir.arrays import cast, given, name_of, on_device
from ..ir.library import mx, restart_random, said_by
from ..ir.network import VARIABLE, Entry, Network, Node, symbol, to_json
from ..ir.operators import CREATORS
from ..ir.scalars import fitting
from ..ir.slots import castable
from ..ir.weights import stored

Arrays = list[Any]
"""NDArrays, one for each slot or output."""


@dataclass(frozen=True)
class Step:
    """One op that ran: what it took and what it made."""

    index: int
    node: Node
    inputs: Arrays
    outputs: Arrays


class Runner:
    """A network on one batch.

    Args:
        batch: In the order of the network's inputs.
    """

    def __init__(self, network: Network, batch: Iterable[Any]) -> None:
        self.network = network
        self.batch = [given(value) for value in batch]
        self._stored: dict[tuple[int, Precision], Any] = {}

    @cached_property
    def shapes(self) -> Mapping[Entry, tuple[int, ...]]:
        """What MXNet infers for every output of every node.

        Raises:
            ModelError: It can't: sizes don't fit the batch.
        """
        return inferred_shapes(self.network, self._feeds)

    @property
    def _feeds(self) -> dict[str, tuple[int, ...]]:
        nodes = (self.network.nodes[index] for index in self.network.inputs)
        return {
            node.name: value.shape
            for node, value in zip(nodes, self.batch, strict=True)
        }

    def constant(self, index: int, precision: Precision = Precision.FP32) -> Any:
        """A parameter, in a precision."""
        key = index, precision
        if key not in self._stored:
            values = self.network.parameters[self.network.nodes[index].name]
            self._stored[key] = on_device(stored(values, precision))
        return self._stored[key]

    def steps(self) -> Iterator[Step]:
        """Run the ops in order; values go as soon as nobody takes them any more.

        Random numbers are the same in each run.
        Who looks at a step may put other values in the place of its outputs.
        """
        restart_random()
        network, last = self.network, self._last_uses
        values: dict[Entry, Any] = {}
        batch = dict(zip(network.inputs, self.batch, strict=True))
        for index, node in enumerate(network.nodes):
            if index in batch:
                values[index, 0] = batch[index]
            elif index in network.labels:
                values[index, 0] = mx.nd.zeros(self.shapes[index, 0])
            elif node.variable:
                values[index, 0] = self.constant(index)
            else:
                taken = [values[entry] for entry in node.inputs]
                made = self.run(index, taken)
                yield Step(index, node, taken, made)
                for k, value in enumerate(made):
                    values[index, k] = value
            for entry in last.get(index, ()):
                values.pop(entry, None)

    def run(
        self, index: int, inputs: Arrays, precision: Precision = Precision.FP32
    ) -> Arrays:
        """One op's outputs on these inputs, which are as the op takes them."""
        return invoke(fitting(self.complete(index), precision), inputs)

    def low(self, index: int, inputs: Arrays, precision: Precision) -> Arrays:
        """The op's outputs as its kernel in `precision` makes them."""
        return self.run(index, self.lowered(index, inputs, precision), precision)

    def lowered(self, index: int, inputs: Arrays, precision: Precision) -> Arrays:
        """What an op takes when it is low: castable fp32 slots cast; None stays None."""
        node = self.network.nodes[index]
        found = []
        for slot, (value, (source, _output)) in enumerate(
            zip(inputs, node.inputs, strict=True)
        ):
            if value is None or not castable(node, slot) or not _fp32(value):
                found.append(value)
            elif self.network.constant(source):
                found.append(self.constant(source, precision))
            else:
                found.append(cast(value, precision))
        return found

    def complete(self, index: int) -> Node:
        """The node with sizes that it leaves to be inferred."""
        node = self.network.nodes[index]
        shape = node.attrs.get("shape", "")
        if node.op not in CREATORS or "0" not in shape.strip("()[] ").split(", "):
            return node
        return replace(node, attrs={**node.attrs, "shape": str(self.shapes[index, 0])})

    @cached_property
    def _last_uses(self) -> Mapping[int, list[Entry]]:
        """Node → the values that nobody takes after it."""
        last: dict[Entry, int] = {}
        for index, node in enumerate(self.network.nodes):
            last.update(dict.fromkeys(((index, k) for k in range(node.outputs)), index))
            last.update(dict.fromkeys(node.inputs, index))
        found: dict[int, list[Entry]] = {}
        for entry, index in last.items():
            found.setdefault(index, []).append(entry)
        return found


def _fp32(array: Any) -> bool:
    return name_of(array.dtype) == "float32"


def invoke(node: Node, inputs: Arrays) -> Arrays:
    """Run one operator at once, with the node's attributes.

    Raises:
        mxnet.base.MXNetError: It can't take these inputs. What fails while it computes
            is raised when the outputs are read.
    """
    if node.bodies:
        return _executed(node, inputs)
    attrs = node.arguments
    made = mx.ndarray._internal._imperative_invoke(
        _handle(node.op), inputs, list(attrs), list(attrs.values()), None, False, True
    )
    return list(made)


@cache
def _handle(op: str) -> int:
    handle = ctypes.c_void_p()
    library = mx.base._LIB
    mx.base.check_call(library.NNGetOpHandle(mx.base.c_str(op), ctypes.byref(handle)))
    return int(handle.value or 0)


def _executed(node: Node, inputs: Arrays) -> Arrays:
    """Run an operator that has bodies, which takes a symbol."""
    variables = tuple(Node(VARIABLE, f"input{k}") for k in range(len(inputs)))
    alone = Network(
        (*variables, replace(node, inputs=tuple((k, 0) for k in range(len(inputs))))),
        tuple((len(inputs), k) for k in range(node.outputs)),
        {},
    )
    found = symbol(alone)
    arguments = {f"input{k}": value for k, value in enumerate(inputs)}
    states = {name: arguments.pop(name) for name in found.list_auxiliary_states()}
    executor = found.bind(mx.cpu(), arguments, aux_states=states, grad_req="null")
    executor.forward(is_train=False)
    return list(executor.outputs)


def inferred_shapes(
    network: Network, feeds: Mapping[str, tuple[int, ...]]
) -> dict[Entry, tuple[int, ...]]:
    """Shapes of all outputs of all nodes for inputs of these shapes.

    Raises:
        DataError: The inputs don't fit the model.
        ModelError: A size stays unknown.
    """
    held = {name: values.shape for name, values in network.parameters.items()}
    every = tuple(
        (index, k)
        for index, node in enumerate(network.nodes)
        for k in range(node.outputs)
    )
    internals = mx.sym.load_json(to_json(replace(network, heads=every)))
    try:
        _arguments, shapes, _states = internals.infer_shape(**held, **feeds)
    except mx.base.MXNetError as error:
        raise DataError(
            f"the batch does not fit the model and its parameters: {said_by(error)}",
            "Check the sizes of the data, or of model.inputs where there is none.",
        ) from error
    if shapes is None:
        raise ModelError(
            "MXNet can't infer every size from the inputs of the batch",
            "Name all inputs in model.inputs.",
        )
    return dict(zip(every, shapes, strict=True))


def same_attributes(node: Node) -> str:
    """What tells an op's computation from another's: operator, attributes, bodies."""
    return json.dumps([node.op, sorted(node.arguments.items()), node.bodies])
