"""Constants that are handed to branches and loops, put inside: cast offline there."""

from __future__ import annotations

from typing import Any

from ..bodies.bodies import Body, rewired
from ..bodies.editing import data, redirect
from ..bodies.inline import unused
from ..ir.naming import flat, parsed
from ..ir.protos import copied
from ..ir.regions import BRANCHES, LOOPS, functions
from .draft import Draft


def sink_constants(draft: Draft, body: Body, taken: set[str]) -> list[str]:
    """Put constants into the bodies that they are handed to; names of these bodies.

    Every branch and loop gets functions of its own. What a loop changes stays.

    Args:
        taken: Names of the functions that have a caller; these are added.
    """
    found = []
    for name in list(body.nodes):
        node = body.nodes[name]
        if node.op not in BRANCHES | LOOPS:
            continue
        if all(each in draft.bodies for each in functions(node)):
            body.nodes[name] = _own_functions(node, draft, taken)
            _sink(body, body.nodes[name], draft)
            found.extend(functions(body.nodes[name]))
    return found


def _own_functions(node: Any, draft: Draft, taken: set[str]) -> Any:
    """The node with functions that no other has."""
    made = copied(node)
    for each in _callers(made):
        name = each.name
        if name in taken:
            name = unused({*draft.bodies, *taken}, name)
            draft.clone(each.name, name)
        each.name = name
        taken.add(name)
    return made


def _callers(node: Any) -> list[Any]:
    if node.op in LOOPS:
        return [node.attr[name].func for name in ("cond", "body")]
    if "branches" in node.attr:
        return list(node.attr["branches"].list.func)
    return [node.attr[name].func for name in ("then_branch", "else_branch")]


def _sink(body: Body, node: Any, draft: Draft) -> None:
    """Move a branch's or loop's constant operands inside."""
    first = int(node.op in BRANCHES)
    inner = [draft.bodies[name] for name in functions(node)]
    operands = data(node)
    places = [
        k
        for k in range(first, len(operands))
        if _constant(body, operands[k]) is not None
        and (node.op not in LOOPS or _left_alone(inner[1], k))
    ]
    if not places:
        return
    for function in inner:
        for k in reversed(places):
            _take(function, k - first, _constant(body, operands[k]))
    body.nodes[node.name] = _without(node, places, first)
    if node.op in LOOPS:
        for k in reversed(places):
            inner[1].returns.pop(k)
        _renumber(body, node, places)


def _renumber(body: Body, loop: Any, places: list[int]) -> None:
    """Have takers of a loop's outputs take what these are without some operands."""
    operands = data(loop)
    kept = [k for k in range(len(operands)) if k not in places]
    moved = {flat(loop.name, k): operands[k] for k in places}
    # By names that no tensor has, since outputs get each other's numbers.
    between = [f"{loop.name}:moved:{new}" for new in range(len(kept))]
    moved |= {flat(loop.name, old): between[new] for new, old in enumerate(kept)}
    redirect(body, moved)
    redirect(body, {name: flat(loop.name, k) for k, name in enumerate(between)})


def _constant(body: Body, tensor: str) -> Any:
    node = body.nodes.get(parsed(tensor)[0])
    return node if node is not None and node.op == "Const" else None


def _left_alone(body: Body, k: int) -> bool:
    """Whether a loop's body returns what it is given there."""
    name, index = parsed(body.returns[k].tensor)
    while name in body.nodes and body.nodes[name].op == "Identity" and not index:
        name, index = parsed(body.nodes[name].input[0])
    return name == body.arguments[k]


def _take(body: Body, k: int, value: Any) -> None:
    """Own a constant in place of an argument."""
    name = body.arguments.pop(k)
    body.argument_attributes.pop(name, None)
    made = copied(value)
    made.name = name
    del made.input[:]
    body.nodes[name] = made


def _without(node: Any, places: list[int], first: int) -> Any:
    """The node without some of its operands."""
    dropped = set(places)
    waits = [each for each in node.input if each.startswith("^")]
    kept = [each for k, each in enumerate(data(node)) if k not in dropped]
    made = copied(rewired(node, [*kept, *waits]))
    for name in ("T", "output_shapes") if node.op in LOOPS else ("Tin",):
        for values in (made.attr[name].list.type, made.attr[name].list.shape):
            left = [each for k, each in enumerate(values) if k + first not in dropped]
            del values[:]
            values.extend(left)
    made.attr.pop("_read_only_resource_inputs", None)
    return made
