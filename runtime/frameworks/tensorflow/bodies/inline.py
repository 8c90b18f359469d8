"""Calls of functions, replaced by the functions' nodes: names that users know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ....common.errors import ModelError
from ..ir.naming import data, flat, is_control, parsed
from ..ir.protos import NodeDef, copied
from .bodies import Bodies, Body, callees, rewired
from .reachable import reached
from .side_effects import has_effect

CALLS = frozenset(["PartitionedCall", "StatefulPartitionedCall"])
FRAMES = frozenset(["Enter", "RefEnter"])
MOST = 1_000_000
"""Nodes: functions that call each other twice each would fill any memory."""


def inline_calls(bodies: Bodies) -> Bodies:
    """Put the nodes of called functions where the calls are, in all bodies.

    A node keeps its own name where no other has it; else the calls' names go before it.

    Raises:
        ModelError: A function calls itself, or the graph grows without bound.
    """
    _check_ends(bodies)
    return reached({name: _inlined(body, bodies) for name, body in bodies.items()})


def called(node: Any, bodies: Mapping[str, Body]) -> str:
    """Name of the function that a node only calls, "" if it does anything else."""
    if node.op in CALLS:
        name = str(node.attr["f"].func.name)
        return name if name in bodies else ""
    return node.op if node.op in bodies else ""


def _check_ends(bodies: Bodies) -> None:
    """Raise a ModelError if a function calls itself, if by others."""
    calls = {
        name: {each for n in body.nodes.values() for each in callees(n, bodies)}
        for name, body in bodies.items()
    }
    left = set(calls)
    while ends := {name for name in left if not calls[name] & left}:
        left -= ends
    if left - {""}:
        raise ModelError(
            f"function {min(left - {''})} calls itself, or one that does",
            "Write the recursion as a loop: tf.while_loop.",
        )


def _inlined(body: Body, bodies: Bodies) -> Body:
    found = replace(
        body, nodes=dict(body.nodes), returns=[replace(each) for each in body.returns]
    )
    local: dict[str, str] = {}
    while calls := _calls(found, bodies):
        _expand(found, calls, bodies, local)
    _rename(found, local)
    return found


def _calls(body: Body, bodies: Bodies) -> dict[str, str]:
    """Node → the function that it calls."""
    found = {n: called(node, bodies) for n, node in body.nodes.items()}
    return {n: name for n, name in found.items() if name}


def _expand(
    body: Body, calls: Mapping[str, str], bodies: Bodies, local: dict[str, str]
) -> None:
    """Replace calls by the nodes of their functions, which may be calls again."""
    framed = any(node.op in FRAMES for node in body.nodes.values())
    nodes: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    for name, node in body.nodes.items():
        if name not in calls:
            nodes[name] = node
            continue
        made = _instance(node, bodies[calls[name]], bodies, framed, renamed)
        for inner, each in made.items():
            local[each.name] = inner
            nodes[each.name] = each
        if len(nodes) > MOST:
            raise ModelError(f"functions called by {name} make more than {MOST} nodes")
    taken = {parsed(each)[0] for node in nodes.values() for each in node.input}
    taken |= set(body.controls.values())
    for name in taken & calls.keys():  # whoever waits for the call
        waits = NodeDef(name=name, op="NoOp")
        waits.input.extend(_finished(renamed, name, bodies[calls[name]], nodes))
        nodes[name] = waits
    body.nodes = nodes
    _rewire(body, renamed)


def _instance(
    call: Any, function: Body, bodies: Bodies, framed: bool, renamed: dict[str, str]
) -> dict[str, Any]:
    """The function's nodes for one call: name in the function → node.

    Args:
        framed: Whether constants must be in a loop's frame.
        renamed: Gets the call's outputs → the tensors that they are.
    """
    given = dict(zip(function.arguments, data(call), strict=True))
    waits = [reference for reference in call.input if is_control(reference)]

    def outer(reference: str) -> str:
        name, index = parsed(reference)
        if name in given:
            return given[name] if index >= 0 else f"^{parsed(given[name])[0]}"
        return flat(f"{call.name}/{name}", index)

    made = {}
    for name, node in function.nodes.items():
        if name not in given:
            made[name] = copied(node)
            made[name].name = f"{call.name}/{name}"
            made[name].input[:] = [outer(reference) for reference in node.input]
            if _starts(node, given, framed):
                made[name].input.extend(waits)
    effects = [n for n in function.controls.values() if has_effect(made[n], bodies)]
    for k, each in enumerate(function.returns):
        renamed[flat(call.name, k)] = outer(each.tensor)
        if effects:
            after = NodeDef(name=f"{call.name}/{each.name}/after", op="Identity")
            after.attr["T"].type = each.dtype
            after.input.append(outer(each.tensor))
            after.input.extend(f"^{made[n].name}" for n in effects)
            made[f"{each.name}/after"] = after
            renamed[flat(call.name, k)] = after.name
    return made


def _starts(node: Any, given: Mapping[str, str], framed: bool) -> bool:
    """Whether a node waits for the call: it reads nothing that does so already."""
    reads = (parsed(reference)[0] for reference in node.input)
    return all(name in given for name in reads) and (node.op != "Const" or framed)


def _finished(
    renamed: Mapping[str, str], call: str, function: Body, nodes: Mapping[str, Any]
) -> list[str]:
    """Control edges that hold when a call has returned."""
    names = [f"{call}/{node}" for node in function.controls.values()]
    for k in range(len(function.returns)):
        names.append(parsed(renamed[flat(call, k)])[0])
    return [f"^{name}" for name in dict.fromkeys(names) if name in nodes]


def _rewire(body: Body, renamed: Mapping[str, str]) -> None:
    """Replace tensors, and tensors that these are replaced by."""

    def final(reference: str) -> str:
        while reference in renamed:
            reference = renamed[reference]
        return reference

    _map_references(body, final)


def _rename(body: Body, local: Mapping[str, str]) -> None:
    """Give inlined nodes their own names where these are nobody else's."""
    counts = Counter(local.get(name, name) for name in body.nodes)
    names = {n: own for n, own in local.items() if counts[own] == 1 and n in body.nodes}

    def new(reference: str) -> str:
        name, index = parsed(reference)
        return flat(names.get(name, name), index)

    _map_references(body, new)
    for name in names:
        body.nodes[name] = copied(body.nodes[name])
        body.nodes[name].name = names[name]
    body.nodes = {node.name: node for node in body.nodes.values()}


def _map_references(body: Body, new: Callable[[str], str]) -> None:
    for name, node in body.nodes.items():
        body.nodes[name] = rewired(node, [new(reference) for reference in node.input])
    for each in body.returns:
        each.tensor = new(each.tensor)
    body.controls = {key: new(name) for key, name in body.controls.items()}


def unused(names: Iterable[str], wanted: str) -> str:
    """The name wanted, or with the first number that no other has."""
    taken, k, name = set(names), 0, wanted
    while name in taken:
        k += 1
        name = f"{wanted}_{k}"
    return name
