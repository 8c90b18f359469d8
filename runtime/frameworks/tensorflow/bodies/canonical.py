"""Names that TensorFlow numbers by all that its process has made, by their order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..ir.naming import flat, parsed
from ..ir.protos import copied
from .bodies import MAIN, Bodies, Body, callees, joined, split
from .inline import unused

NUMBER = re.compile(r"_\d+$")


def canonical_functions(graph_def: Any) -> Any:
    """The graph with functions whose names don't depend on the process.

    `while_cond_569` was the 569th name that a process made: another makes another of
    the same model. What such a function takes is named after it, too.
    """
    bodies = split(graph_def)
    names: dict[str, str] = {}
    for name in _called(bodies):
        names[name] = unused(names.values(), NUMBER.sub("", name))
    renamed = {MAIN: _renamed(bodies[MAIN], names)}
    for name, new in names.items():
        body = _renamed(bodies[name], names)
        body.name = body.frame.signature.name = new
        renamed[new] = body
    return joined(renamed, graph_def.versions)


def _called(bodies: Bodies) -> Iterator[str]:
    """Names of the functions in the order in which nodes call them."""
    seen = {MAIN: None}
    for name in (waiting := [MAIN]):
        for node in bodies[name].nodes.values():
            for each in sorted(callees(node, bodies)):
                if each not in seen:
                    seen[each] = None
                    waiting.append(each)
                    yield each


def _renamed(body: Body, names: Mapping[str, str]) -> Body:
    """The body with others' new names, in calls and in what it calls its arguments."""

    def own(name: str) -> str:
        old = [each for each in names if each in name]
        longest = max(old, key=len, default="")
        return name.replace(longest, names[longest]) if longest else name

    arguments = {name: own(name) for name in body.arguments}

    def new(reference: str) -> str:
        name, index = parsed(reference)
        return flat(arguments.get(name, name), index)

    nodes = {}
    for name, node in body.nodes.items():
        made = copied(node)
        made.name = arguments.get(name, name)
        made.input[:] = [new(each) for each in node.input]
        _recalled(made, names)
        nodes[made.name] = made
    return replace(
        body,
        nodes=nodes,
        arguments=list(arguments.values()),
        returns=[replace(each, tensor=new(each.tensor)) for each in body.returns],
        argument_attributes={
            arguments[name]: value for name, value in body.argument_attributes.items()
        },
    )


def _recalled(node: Any, names: Mapping[str, str]) -> None:
    """Have a node call functions by their new names."""
    for attribute in node.attr.values():
        listed = attribute.list.func if attribute.HasField("list") else ()
        single = [attribute.func] if attribute.HasField("func") else []
        for each in (*single, *listed):
            each.name = names.get(each.name, each.name)
    node.op = names.get(node.op, node.op)
