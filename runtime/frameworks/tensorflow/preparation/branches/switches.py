"""TensorFlow 1's cond, Switches and Merges, made a branch with functions of its own.

Between a Switch and its Merge values are dead in one of two runs. As an `If` the nodes
there stand in bodies, which are pictured, probed and converted like any others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .....common.errors import ModelError
from ...bodies.bodies import ARGUMENT, Body, Return
from ...bodies.editing import data, ordered, redirect
from ...bodies.inline import unused
from ...bodies.side_effects import has_effect
from ...ir.naming import flat, parsed
from ...ir.protos import FunctionDef, NodeDef, copied, types
from ...ir.schemas import outputs
from ...ir.traversal import reachable
from ...ir.weights import constant
from ..absorbed import Names
from ..draft import Draft
from .dead_branches import LOOPED

SWITCHES = frozenset(["RefSwitch", "Switch"])
MERGES = frozenset(["Merge", "RefMerge"])
BRANCHES = ("then_branch", "else_branch")
"""Attributes of an If; a Switch's output 1 is the first's."""

REMEDY = (
    "Export the model with control flow v2 (tf.compat.v1.enable_control_flow_v2), or save "
    "it as functions: tf.saved_model.save."
)


@dataclass(frozen=True)
class Side:
    """What one branch computes.

    Attributes:
        nodes: Names, in the order they run; no Switch.
        taken: Output of a Switch → the tensor that it hands on.
        returned: What its Merges take of it.
    """

    nodes: tuple[str, ...]
    taken: Mapping[str, str]
    returned: tuple[str, ...]


def make_branches(draft: Draft, body: Body) -> None:
    """Put an If in the place of Merges that one condition decides, innermost first.

    Raises:
        ModelError: Switches and Merges don't fit together as a cond's do.
    """
    if any(node.op in LOOPED for node in body.nodes.values()):
        return
    while merges := [n.name for n in ordered(body.nodes) if n.op in MERGES]:
        first, *others = _first(body, merges)
        group = [first]
        choice, sides = _read(body, first)
        for each in others:
            other, found = _read(body, each)
            if other == choice:
                group.append(each)
                sides = [_both(*pair) for pair in zip(sides, found, strict=True)]
        _replace(draft, body, group, choice, sides)
    left = [node.name for node in body.nodes.values() if node.op in SWITCHES]
    if left and _needed(body, left):
        raise _unreadable(left[0])
    body.nodes = {n: node for n, node in body.nodes.items() if n not in left}


def _read(body: Body, merge: str) -> tuple[str, list[Side]]:
    """The condition that a Merge hangs on, and its two branches, the true one first."""
    inputs = data(body.nodes[merge])
    if len(inputs) != 2:
        raise _unreadable(merge)
    found = [_cone(body, each) for each in inputs]
    outputs_, choices = set(), set()
    numbers: list[int | None] = []
    for _nodes, switched in found:
        numbers.append(next((index for _name, index in switched), None))
        outputs_ |= {(len(numbers), index) for _name, index in switched}
        choices |= {_condition(body, name) for name, _index in switched}
    true, false = numbers
    true = 1 - false if true is None and false is not None else true
    false = 1 - true if false is None and true is not None else false
    if len(choices) != 1 or {true, false} != {0, 1} or len(outputs_) > len(inputs):
        raise _unreadable(merge)
    sides = [
        Side(
            nodes,
            {flat(n, k): data(body.nodes[n])[0] for n, k in switched},
            (tensor,),
        )
        for (nodes, switched), tensor in zip(found, inputs, strict=True)
    ]
    return choices.pop(), sides if true == 1 else sides[::-1]


def _cone(body: Body, tensor: str) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """The nodes that make a tensor behind the next Switches, and what these give."""
    nodes: dict[str, None] = {}
    switched: dict[tuple[str, int], None] = {}
    waiting = [parsed(tensor)]
    while waiting:
        name, index = waiting.pop()
        node = body.nodes[name]
        if node.op in SWITCHES:
            if index >= 0:
                switched[name, index] = None
        elif node.op in MERGES:
            raise _unreadable(name)
        elif name not in nodes:
            nodes[name] = None
            waiting.extend(parsed(each) for each in node.input)
    return tuple(nodes), sorted(switched)


def _condition(body: Body, switch: str) -> str:
    """The tensor that decides, identities aside."""
    tensor = data(body.nodes[switch])[1]
    for _ in body.nodes:
        node = body.nodes[parsed(tensor)[0]]
        if node.op != "Identity":
            break
        tensor = data(node)[0]
    return tensor


def _both(one: Side, other: Side) -> Side:
    nodes = tuple(dict.fromkeys((*one.nodes, *other.nodes)))
    return Side(nodes, {**one.taken, **other.taken}, (*one.returned, *other.returned))


def _first(body: Body, merges: Sequence[str]) -> list[str]:
    """The Merges that come after no other."""
    nodes = list(body.nodes.values())
    return [m for m in merges if reachable(nodes, [m]) & set(merges) == {m}]


def _replace(
    draft: Draft, body: Body, group: Sequence[str], choice: str, sides: Sequence[Side]
) -> None:
    first = group[0]
    operands = list(dict.fromkeys(t for side in sides for t in side.taken.values()))
    used = [name for name in group if _index_used(body, name)]
    names = []
    inside: set[str] = set()
    for side, true in zip(sides, (True, False), strict=True):
        stem = re.sub(r"\W", "_", first)
        name = unused(draft.bodies, f"{stem}_{'true' if true else 'false'}")
        made = _function(body, name, side, operands)
        for merge in used:
            _return_index(made, body, merge, side, group)
        draft.bodies[name] = made
        inside.update(side.nodes)
        names.append(name)
    made = draft.bodies[names[0]]
    body.nodes[first] = _branch(draft, first, choice, operands, names, body)
    redirect(body, _renamed(group, used))
    for merge in group[1:]:
        draft.absorb(body, first, merge)
        del body.nodes[merge]
    inside -= _kept(body)
    _hand_names(draft, body, [draft.bodies[name] for name in names], inside)
    body.nodes = {n: node for n, node in body.nodes.items() if n not in inside}


def _kept(body: Body) -> set[str]:
    ends = [each.tensor for each in body.returns]
    return reachable(body.nodes.values(), [*ends, *body.controls.values()])


def _function(body: Body, name: str, side: Side, operands: Sequence[str]) -> Body:
    """A branch as a function: what Switches hand on is what it takes."""
    frame = FunctionDef()
    frame.signature.name = name
    arguments = {
        tensor: unused(side.nodes, f"given_{k}") for k, tensor in enumerate(operands)
    }
    given = {switched: arguments[tensor] for switched, tensor in side.taken.items()}
    nodes = {each: _argument(body, tensor, each) for tensor, each in arguments.items()}
    for each in side.nodes:
        node = copied(body.nodes[each])
        node.input[:] = [
            given.get(taken, taken)
            for taken in node.input
            if not taken.startswith("^") or taken[1:] in side.nodes
        ]
        nodes[each] = node
    made = Body(name, nodes, list(arguments.values()), frame=frame)
    for k, tensor in enumerate(side.returned):
        made.returns.append(
            Return(f"made_{k}", given.get(tensor, tensor), _dtype(body, tensor))
        )
    acting = (n for n in side.nodes if has_effect(nodes[n], {}))
    made.controls = {each: each for each in acting}
    frame.signature.is_stateful = bool(made.controls)
    return made


def _argument(body: Body, tensor: str, name: str) -> NodeDef:
    node = NodeDef(name=name, op=ARGUMENT)
    node.attr["dtype"].type = _dtype(body, tensor)
    return node


def _dtype(body: Body, tensor: str) -> int:
    name, index = parsed(tensor)
    dtype = outputs(body.nodes[name])[index].type
    return int(dtype - 100 if dtype > 100 else dtype)  # a reference's value


def _return_index(
    made: Body, body: Body, merge: str, side: Side, group: Sequence[str]
) -> None:
    """Return which of its inputs a Merge took."""
    taken = side.returned[list(group).index(merge)]
    node = constant(
        unused(made.nodes, f"{merge}/index"), data(body.nodes[merge]).index(taken)
    )
    made.nodes[node.name] = node
    made.returns.append(Return(f"made_{len(made.returns)}", node.name, types.DT_INT32))


def _branch(
    draft: Draft,
    name: str,
    choice: str,
    operands: Sequence[str],
    functions: Sequence[str],
    body: Body,
) -> NodeDef:
    node = NodeDef(name=name, op="StatelessIf", input=[choice, *operands])
    node.attr["Tcond"].type = types.DT_BOOL
    node.attr["Tin"].list.SetInParent()
    node.attr["Tin"].list.type.extend(_dtype(body, each) for each in operands)
    returned = draft.bodies[functions[0]].returns
    node.attr["Tout"].list.type.extend(each.dtype for each in returned)
    node.attr["output_shapes"].list.SetInParent()
    for attribute, function in zip(BRANCHES, functions, strict=True):
        node.attr[attribute].func.name = function
    if has_effect(node, draft.bodies):
        node.op = "If"
    return node


def _renamed(group: Sequence[str], used: Sequence[str]) -> dict[str, str]:
    """Outputs of the Merges → those of the If in the first one's place."""
    first, count = group[0], len(group)
    renamed = {flat(merge): flat(first, k) for k, merge in enumerate(group) if k}
    renamed |= {f"^{merge}": f"^{first}" for merge in group[1:]}
    for k, merge in enumerate(used):
        if (index := flat(merge, 1)) != flat(first, count + k):
            renamed[index] = flat(first, count + k)
    return renamed


def _index_used(body: Body, merge: str) -> bool:
    wanted = flat(merge, 1)
    returned = (each.tensor for each in body.returns)
    return (
        any(wanted in node.input for node in body.nodes.values()) or wanted in returned
    )


def _hand_names(
    draft: Draft, body: Body, functions: Sequence[Body], gone: set[str]
) -> None:
    """Have the functions' ledgers know the nodes in them, and not the body's."""
    own = draft.ledgers[body.name]
    for made in functions:
        inside = [each for each in own.originals if each.key in made.nodes]
        draft.ledgers[made.name] = Names(inside)
    own.originals = [each for each in own.originals if each.key not in gone]


def _needed(body: Body, names: Iterable[str]) -> bool:
    return bool(_kept(body) & set(names))


def _unreadable(node: str) -> ModelError:
    return ModelError(
        f"{node} is control flow of TensorFlow 1 (Switch, Merge) that can't be read as a "
        "branch",
        REMEDY,
    )
