"""Regions back to a GraphDef with its function library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from ..bodies.bodies import functions_called
from ..ir.naming import Nesting
from ..ir.protos import GraphDef, copied
from ..ir.regions import Region, body_attributes, every, function_of


def graph_def(main: Region, source: Any) -> Any:
    """The GraphDef of a main region, and of the bodies in it.

    Args:
        source: The GraphDef that the regions came from, for functions that no region
            stands for.
    """
    functions = {f.signature.name: f for f in source.library.function}
    kept = _kept(main, functions)
    library = _Library(functions)
    found = GraphDef()
    found.node.extend(library.nodes(main))
    found.library.function.extend([*library.made.values(), *kept.values()])
    found.versions.CopyFrom(source.versions)
    return found


class _Library:
    """The functions that bodies become, each under a name of its own.

    The name depends on the content: TensorFlow wants no two functions of one name in a
    process, and several converted models are there during a search.
    """

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.source = source
        self.made: dict[str, Any] = {}
        self.named: dict[bytes, str] = {}

    def nodes(self, region: Region) -> Iterator[Any]:
        """The region's nodes; those with bodies call what these became."""
        for node in region.nodes:
            bodies = region.bodies.get(node.name)
            if bodies:
                node = copied(node)
                for name, index, called in body_attributes(node):
                    function_of(node, name, index).name = self._define(bodies[called])
            yield node

    def _define(self, region: Region) -> str:
        taken = frozenset(region.arguments)
        nodes = [node for node in self.nodes(region) if node.name not in taken]
        function = _packed(region, nodes, {**self.source, **self.made})
        content = function.SerializeToString(deterministic=True)
        if content not in self.named:
            mark = hashlib.sha256(content).hexdigest()[:8]
            function.signature.name = f"{function.signature.name}_{mark}"
            self.made[function.signature.name] = function
            self.named[content] = function.signature.name
        return self.named[content]


def _packed(region: Region, nodes: list[Any], functions: Mapping[str, Any]) -> Any:
    """The region as a FunctionDef."""
    function = copied(region.function)
    del function.node_def[:]
    nesting = Nesting(nodes, functions)
    for node in nodes:
        nested = function.node_def.add()
        nested.CopyFrom(node)
        nested.input[:] = [nesting.nested(reference) for reference in node.input]
    function.ret.clear()
    for output, result in zip(
        function.signature.output_arg, region.results, strict=True
    ):
        function.ret[output.name] = nesting.nested(result)
    return function


def _kept(main: Region, functions: Mapping[str, Any]) -> dict[str, Any]:
    """The source's functions that nodes without bodies call, directly or not."""
    plain = [
        node
        for region in every(main)
        for node in region.nodes
        if node.name not in region.bodies
    ]
    called = functions_called(plain, functions, lambda function: function.node_def)
    return {name: functions[name] for name in sorted(called)}
