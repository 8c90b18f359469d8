"""What ops and tensors are called: an op is its node's name.

A tensor is `node:k` in a GraphDef, `:0` left out here, and `node:output:k` in a
function. In a body both follow the region's name (`Region.within`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....common.errors import ModelError
from . import schemas


def parsed(reference: str) -> tuple[str, int]:
    """Node and output of `node`, `node:k` and `^node` (a control edge: output -1)."""
    if is_control(reference):
        return reference[1:], -1
    node, _, index = reference.partition(":")
    return node, int(index or 0)


def flat(node: str, index: int = 0) -> str:
    """The inverse of `parsed`: a reference, as a GraphDef's inputs write it."""
    if index < 0:
        return f"^{node}"
    return f"{node}:{index}" if index else node


def scope(name: str) -> str:
    """The name scope, which Keras and tf.Module make of layers' names."""
    return name.rpartition("/")[0]


def canonical(reference: str) -> str:
    """`node` for `node:0`; others as they are."""
    return flat(*parsed(reference))


def is_control(reference: str) -> bool:
    """Whether an input is only waited for."""
    return reference.startswith("^")


def data(node: Any) -> list[str]:
    """The node's data inputs, as canonical references."""
    return [canonical(each) for each in node.input if not is_control(each)]


def waits(node: Any) -> list[str]:
    """Names of the nodes that must have run before it."""
    return [each[1:] for each in node.input if is_control(each)]


class Nesting:
    """A function's outputs by either name.

    Args:
        nodes: The function's nodes.
        functions: The library.
        place: What messages say behind a node's name.

    Raises:
        ModelError: Neither TensorFlow nor the library has a node's op.
    """

    def __init__(
        self, nodes: Any, functions: Mapping[str, Any], place: str = ""
    ) -> None:
        self.place = place
        self.offsets: dict[str, dict[str, int]] = {}
        self.names: dict[str, list[str]] = {}
        for node in nodes:
            if node.op not in functions and schemas.op_def(node.op) is None:
                raise ModelError(
                    f"node {node.name}{place} has the op {node.op}, which is none of "
                    "TensorFlow's",
                    "Models with custom ops can't be converted.",
                )
            offsets: dict[str, int] = {}
            names = []
            for index, port in enumerate(schemas.outputs(node, functions)):
                offsets.setdefault(port.argument, index)
                names.append(f"{node.name}:{port.argument}:{port.index}")
            self.offsets[node.name], self.names[node.name] = offsets, names

    def flat(self, reference: str) -> str:
        """`node:k` for a function's `node:argument:i`; a bare name is an argument.

        Raises:
            ModelError: No node makes it.
        """
        if is_control(reference) or ":" not in reference:
            return reference
        name, argument, *index = reference.split(":")
        if argument not in self.offsets.get(name, {}):
            raise ModelError(f"tensor {reference}{self.place} is made by no node")
        first = self.offsets[name][argument]
        return flat(name, first + (int(index[0]) if index else 0))

    def nested(self, reference: str) -> str:
        """The reverse."""
        if is_control(reference):
            return reference
        name, index = parsed(reference)
        return self.names[name][index] if name in self.names else reference
