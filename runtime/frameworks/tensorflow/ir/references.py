"""How nodes name each other's outputs: flat in a GraphDef, nested in a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import definitions


def parsed(reference: str) -> tuple[str, int]:
    """Node and output of `node` or `node:k`."""
    name, colon, index = reference.rpartition(":")
    return (name, int(index)) if colon else (reference, 0)


def flat(name: str, index: int = 0) -> str:
    """The reference to a node's output, as a GraphDef's inputs write it."""
    return name if index == 0 else f"{name}:{index}"


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
    """

    def __init__(self, nodes: Any, functions: Mapping[str, Any]) -> None:
        self.offsets: dict[str, dict[str, int]] = {}
        self.names: dict[str, list[str]] = {}
        for node in nodes:
            offsets: dict[str, int] = {}
            names = []
            for index, port in enumerate(definitions.outputs(node, functions)):
                offsets.setdefault(port.argument, index)
                names.append(f"{node.name}:{port.argument}:{port.index}")
            self.offsets[node.name], self.names[node.name] = offsets, names

    def flat(self, reference: str) -> str:
        """`node:k` for a function's `node:argument:i`; a bare name is an argument."""
        if is_control(reference) or ":" not in reference:
            return reference
        name, argument, *index = reference.split(":")
        first = self.offsets[name][argument]
        return flat(name, first + (int(index[0]) if index else 0))

    def nested(self, reference: str) -> str:
        """The reverse."""
        if is_control(reference):
            return reference
        name, index = parsed(reference)
        return self.names[name][index] if name in self.names else reference
