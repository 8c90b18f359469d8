"""A symbol and its parameters, as plain data: what MXNet calls a model."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ...listing import listed
from .arrays import Values
from .library import mx

Entry = tuple[int, int]
"""Output k of node n."""

VARIABLE = "null"

VERSION = {"mxnet_version": ["int", 10901]}
"""What a symbol's JSON says of its own form: 1.9.1's."""

PLACE = "__place__"
"""Attribute of an input: its place in a batch, where that is not the symbol's order."""


@dataclass(frozen=True)
class Node:
    """One node of a symbol.

    Attributes:
        op: The operator, "null" for a variable.
        name: As users know it.
        attrs: The operator's attributes as text; hidden ones (`__dtype__`) too.
        inputs: What it takes, in order.
        bodies: The symbols of a control-flow operator, as in the JSON.
        outputs: How many outputs others may take.
    """

    op: str
    name: str
    attrs: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Entry, ...] = ()
    bodies: tuple[Any, ...] = ()
    outputs: int = 1

    @property
    def variable(self) -> bool:
        return self.op == VARIABLE

    @property
    def arguments(self) -> dict[str, str]:
        """The attributes that the operator itself reads."""
        return {k: v for k, v in self.attrs.items() if not k.startswith("__")}

    def flag(self, name: str, default: bool = False) -> bool:
        """A yes or no among the attributes."""
        value = self.attrs.get(name)
        return default if value is None else value in ("True", "1", "true")


@dataclass(frozen=True)
class Network:
    """Nodes in topological order, what they return, and the parameters.

    Attributes:
        heads: The outputs, in order.
        parameters: Name of a variable → its values; variables without are inputs.
        auxiliary: The parameters that MXNet keeps apart (running statistics).
        settings: The JSON's own `attrs`: the version, shape semantics.
    """

    nodes: tuple[Node, ...]
    heads: tuple[Entry, ...]
    parameters: Mapping[str, Values] = field(repr=False)
    auxiliary: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=lambda: dict(VERSION))

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The variables without values that are no labels, as batches have them.

        In the symbol's own order, unless they say their places.
        """
        found = [
            index
            for index, node in enumerate(self.nodes)
            if node.variable
            and node.name not in self.parameters
            and index not in self.labels
        ]
        return tuple(
            sorted(found, key=lambda k: int(self.nodes[k].attrs.get(PLACE, 0)))
        )

    @cached_property
    def labels(self) -> frozenset[int]:
        """Variables that only a loss takes: nothing depends on their values."""
        takers: dict[int, set[bool]] = {}
        for node in self.nodes:
            for k, (source, _output) in enumerate(node.inputs):
                takers.setdefault(source, set()).add(k == 1 and node.op in LOSSES)
        heads = {index for index, _output in self.heads}
        return frozenset(
            index
            for index, found in takers.items()
            if found == {True}
            and self.nodes[index].variable
            and self.nodes[index].name not in self.parameters
            and index not in heads
        )

    @cached_property
    def readers(self) -> Mapping[int, tuple[int, ...]]:
        """Node → the nodes that take one of its outputs, each as often as it does."""
        found: dict[int, list[int]] = {}
        for index, node in enumerate(self.nodes):
            for source, _output in node.inputs:
                found.setdefault(source, []).append(index)
        return {index: tuple(taken) for index, taken in found.items()}

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The ops and variables by their names; of several, the last."""
        return {node.name: node for node in self.nodes}

    def constant(self, index: int) -> bool:
        """Whether the node is a parameter."""
        node = self.nodes[index]
        return node.variable and node.name in self.parameters


def numbers(text: str) -> list[int]:
    """The whole numbers of an attribute: sizes, or what is padded."""
    return [int(each) for each in re.findall(r"-?\d+", text)]


LOSSES = listed(
    """
    LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput SVMOutput
    Softmax SoftmaxOutput _sparse_LinearRegressionOutput
    _sparse_LogisticRegressionOutput _sparse_MAERegressionOutput
    """
)
"""Operators whose second input is a label, which only training looks at."""


def to_json(network: Network) -> str:
    """The symbol as text, the same from the same network."""
    nodes = [_node_data(node) for node in network.nodes]
    data = {
        "nodes": nodes,
        "arg_nodes": [k for k, node in enumerate(network.nodes) if node.variable],
        "heads": [[index, output, 0] for index, output in network.heads],
        "attrs": dict(network.settings),
    }
    return json.dumps(data)


def _node_data(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"op": node.op, "name": node.name}
    if node.attrs:
        data["attrs"] = dict(node.attrs)
    data["inputs"] = [[index, output, 0] for index, output in node.inputs]
    if node.bodies:
        data["subgraphs"] = list(node.bodies)
    return data


def from_json(text: str) -> Network:
    """The network of a symbol that MXNet wrote, without parameters."""
    data = json.loads(text)
    nodes = tuple(
        Node(
            op=each["op"],
            name=each["name"],
            attrs=each.get("attrs", {}),
            inputs=tuple((index, output) for index, output, *_ in each["inputs"]),
            bodies=tuple(each.get("subgraphs", ())),
        )
        for each in data["nodes"]
    )
    heads = tuple((index, output) for index, output, *_ in data["heads"])
    return Network(nodes, heads, {}, settings=data.get("attrs") or dict(VERSION))


def symbol(network: Network) -> Any:
    """MXNet's own object for the symbol."""
    return mx.sym.load_json(to_json(network))


def with_outputs(
    network: Network, parameters: Mapping[str, Values], found: Any = None
) -> Network:
    """The network with its parameters, and with how many outputs each node has."""
    found = symbol(network) if found is None else found
    internals = json.loads(found.get_internals().tojson(remove_amp_cast=False))
    outputs = Counter(index for index, *_ in internals["heads"])
    nodes = tuple(
        replace(node, outputs=outputs[index])
        for index, node in enumerate(network.nodes)
    )
    used = {node.name for node in network.nodes if node.variable}
    return replace(
        network,
        nodes=nodes,
        parameters={k: v for k, v in parameters.items() if k in used},
        auxiliary=frozenset(found.list_auxiliary_states()),
    )


def in_order(network: Network, order: Sequence[int]) -> Network:
    """The network whose input k is number `order[k]` of a batch."""
    if list(order) == sorted(order):
        return network
    places = dict(zip(network.inputs, order, strict=True))
    nodes = tuple(
        replace(node, attrs={**node.attrs, PLACE: str(places[index])})
        if index in places
        else node
        for index, node in enumerate(network.nodes)
    )
    return replace(network, nodes=nodes)
