"""A model's variables: where their handles go in its bodies, and which are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...listing import listed
from ..ir.naming import data, flat
from ..ir.regions import BRANCHES, LOOPS, functions
from ..ir.schemas import op_def
from .bodies import MAIN, Bodies, Body
from .inline import called

HANDLES = frozenset(["VarHandleOp"])
REFERENCES = frozenset(["Variable", "VariableV2"])
VARIABLES = HANDLES | REFERENCES

READS = listed(
    """
    DisableCopyOnRead IsVariableInitialized ReadVariableOp ResourceGather
    ResourceGatherNd VarIsInitializedOp VariableShape
    """
)
PASSES = {
    **{name: name for name in ("Enter", "Exit", "Identity", "Merge", "Switch")},
    "NextIteration": "NextIteration",
    "RefEnter": "Enter",
    "RefExit": "Exit",
    "RefIdentity": "Identity",
    "RefMerge": "Merge",
    "RefNextIteration": "NextIteration",
    "RefSwitch": "Switch",
}
"""Op that hands a handle on → the op that hands on its value."""

Place = tuple[str, str]
"""Body and tensor."""


@dataclass(frozen=True)
class Flow:
    """Attributes:
    held: Tensor that is a handle → names of the variables that it may be of.
    written: Variables that something writes, or that go where nothing is known of.
    """

    held: Mapping[Place, frozenset[str]]
    written: frozenset[str]


def variable_nodes(graph_def: Any) -> list[str]:
    """Names of the main graph's variables."""
    return [node.name for node in graph_def.node if node.op in VARIABLES]


def flow(bodies: Bodies) -> Flow:
    """Follow every variable's handle until nothing new is found."""
    made = [
        (body.name, name)
        for body in bodies.values()
        for name, node in body.nodes.items()
        if node.op in VARIABLES
    ]
    held = {(body, name): frozenset([name]) for body, name in made if body == MAIN}
    written = {name for body, name in made if body != MAIN}
    grows = True
    while grows:
        grows = _followed(bodies, held, written)
    mixed = {name for names in held.values() if names & written for name in names}
    return Flow(held, frozenset(written | mixed))


def _followed(
    bodies: Bodies, held: dict[Place, frozenset[str]], written: set[str]
) -> bool:
    """Follow handles by one node each; whether any was new."""
    before = dict(held)
    for body in bodies.values():
        for node in body.nodes.values():
            for place, names in _handed(body, node, bodies, held, written):
                held[place] = held.get(place, frozenset()) | names
    return held != before


def _handed(
    body: Body,
    node: Any,
    bodies: Bodies,
    held: Mapping[Place, frozenset[str]],
    written: set[str],
) -> Iterator[tuple[Place, frozenset[str]]]:
    """Where a node's handles are found next; adds to `written` what it writes."""
    yield from _returned(body, node, bodies, held)
    for k, reference in enumerate(data(node)):
        names = held.get((body.name, reference))
        if not names or _only_reads(node, k, names, body):
            continue
        if node.op in PASSES:
            yield (body.name, node.name), names
            yield (body.name, flat(node.name, 1)), names
        elif targets := _targets(node, k, bodies):
            yield from ((target, names) for target in targets)
            if node.op in LOOPS:
                yield (body.name, flat(node.name, k)), names
        else:
            written |= names


def _only_reads(node: Any, k: int, names: frozenset[str], body: Body) -> bool:
    if node.op in READS:
        return True
    known = op_def(node.op)
    if known is None or (node.op in PASSES and node.op.startswith("Ref")):
        return False
    source = body.nodes.get(node.input[k].partition(":")[0])
    reference = source is not None and (
        source.op in REFERENCES or source.op.startswith("Ref")
    )
    return reference and not any(each.is_ref for each in known.input_arg)


def _targets(node: Any, k: int, bodies: Bodies) -> list[Place]:
    """The functions' arguments that an input is."""
    if node.op in BRANCHES | LOOPS:
        names, index = functions(node), k - (node.op in BRANCHES)
    elif name := called(node, bodies):
        names, index = [name], k
    else:
        return []
    if index < 0 or any(name not in bodies for name in names):
        return []
    return [(name, bodies[name].arguments[index]) for name in names]


def _returned(
    body: Body, node: Any, bodies: Bodies, held: Mapping[Place, frozenset[str]]
) -> Iterator[tuple[Place, frozenset[str]]]:
    """Handles that functions return: outputs of the node, and a loop's next operands."""
    if node.op in BRANCHES:
        names = functions(node)
    elif node.op in LOOPS:
        names = functions(node)[1:]
    else:
        names = [name] if (name := called(node, bodies)) else []
    for name in names:
        for k, each in enumerate(bodies[name].returns if name in bodies else ()):
            found = held.get((name, each.tensor))
            if found:
                yield (body.name, flat(node.name, k)), found
                if node.op in LOOPS:
                    yield from ((to, found) for to in _targets(node, k, bodies))
