"""The graphs of one model: the main one, and the bodies of its branches, loops, calls.

Each call of a function has a body of its own. Constants that are handed to a body, and
that a loop hands on as they are, stand in the body itself, so that they can be cast
offline there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tensorflow.core.framework import node_def_pb2

from .frozen import Frozen
from .order import reachable, sorted_nodes
from .references import Nesting, canonical, data, flat, parsed

BODIES: dict[str, tuple[tuple[str, str], ...]] = {
    "If": (("then_branch", "true"), ("else_branch", "false")),
    "StatelessIf": (("then_branch", "true"), ("else_branch", "false")),
    "While": (("cond", "condition"), ("body", "body")),
    "StatelessWhile": (("cond", "condition"), ("body", "body")),
    "PartitionedCall": (("f", "call"),),
    "StatefulPartitionedCall": (("f", "call"),),
}
"""Op → its functions' attributes, and what the bodies are called."""

CASES = frozenset({"Case", "StatelessCase"})
LOOPS = frozenset({"While", "StatelessWhile"})
CHOICES = frozenset({"If", "StatelessIf"}) | CASES
"""Ops whose first input chooses and reaches no body."""

TYPE_LISTS = {**dict.fromkeys(LOOPS, ("T", "output_shapes"))}
"""Op → lists with one entry for each operand, where it isn't `Tin` alone."""


@dataclass(frozen=True, eq=False)
class Region:
    """One graph of a model.

    Attributes:
        id: "" for the main graph, else the control-flow op's id and the body's name.
        nodes: In topological order, with references as in a GraphDef.
        live: Names of the nodes that the outputs need, arguments included.
        arguments: Names of the Placeholder nodes that stand for what it takes.
        results: References to what it returns.
        function: The library function that it came from, None for the main graph.
        initial: Nodes to run once before the first call, with what they need.
        bodies: Name of a live control-flow node → its bodies, by what they are called.
    """

    id: str
    nodes: tuple[Any, ...]
    live: frozenset[str]
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    function: Any = None
    bodies: Mapping[str, Mapping[str, Region]] = field(default_factory=dict)
    initial: tuple[Any, ...] = ()

    def within(self, name: str) -> str:
        """A name inside the region, as it is known outside."""
        return f"{self.id}/{name}" if self.id else name

    @cached_property
    def by_name(self) -> Mapping[str, Any]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def steps(self) -> tuple[tuple[Any, tuple[str, ...]], ...]:
        """The nodes to run, in order, and after each the nodes that none reads again."""
        taken = frozenset(self.arguments)
        kept = {parsed(reference)[0] for reference in self.results}
        nodes = [n for n in self.nodes if n.name in self.live and n.name not in taken]
        done: list[tuple[Any, tuple[str, ...]]] = []
        for node in reversed(nodes):
            read = {node.name, *(parsed(reference)[0] for reference in data(node))}
            done.append((node, tuple(sorted(read - kept))))
            kept |= read
        return tuple(reversed(done))


def every(main: Region) -> Iterator[Region]:
    """The main graph, then the bodies, each after the graph that holds it."""
    waiting = [main]
    for region in waiting:
        yield region
        for bodies in region.bodies.values():
            waiting.extend(bodies.values())


def body_attributes(node: Any) -> list[tuple[str, int | None, str]]:
    """(attribute, place in its list or None, name) of each body of a node."""
    if node.op in CASES:
        count = len(node.attr["branches"].list.func)
        return [("branches", index, f"branch{index}") for index in range(count)]
    return [(name, None, called) for name, called in BODIES.get(node.op, ())]


def function_of(node: Any, name: str, index: int | None) -> Any:
    """The NameAttrList in a control-flow node's attribute."""
    value = node.attr[name]
    return value.func if index is None else value.list.func[index]


def regions(frozen: Frozen) -> Region:
    """The main graph of a frozen model, with its bodies."""
    functions = {f.signature.name: f for f in frozen.graph_def.library.function}
    named = {parsed(e.tensor)[0] for s in frozen.signatures for e in s.outputs}
    return _Builder(functions, frozenset(named), frozen.initial).region(
        _Draft(
            "",
            [_copy(node) for node in frozen.graph_def.node],
            [parsed(each.tensor)[0] for each in frozen.inputs],
            [canonical(each.tensor) for each in frozen.outputs],
        )
    )


@dataclass
class _Draft:
    """A region while operands are taken from it."""

    id: str
    nodes: list[Any]
    arguments: list[str]
    results: list[str]
    function: Any = None

    def take(self, place: int, constant: Any) -> None:
        """Own a constant in place of an argument."""
        name = self.arguments.pop(place)
        del self.function.signature.input_arg[place]
        for numbered in (self.function.arg_attr, self.function.resource_arg_unique_id):
            _renumber(numbered, place)
        at = next(k for k, node in enumerate(self.nodes) if node.name == name)
        self.nodes[at] = _copy(constant)
        self.nodes[at].name = name


class _Builder:
    """Builds regions; nodes named in signatures stay.

    Args:
        functions: The library.
        named: Names of the nodes that signatures return.
        initial: Names of the nodes that run once before the first call.
    """

    def __init__(
        self,
        functions: Mapping[str, Any],
        named: frozenset[str],
        initial: tuple[str, ...],
    ) -> None:
        self.functions, self.named, self.initial = functions, named, initial

    def region(self, draft: _Draft) -> Region:
        renamed: dict[str, str] = {}
        self._fold_reads(draft, renamed)
        needed = _needed(draft, draft.results)
        constants = {node.name: node for node in draft.nodes if node.op == "Const"}
        for node in draft.nodes:
            _wait_for_no(constants, node)
        nodes = sorted_nodes(draft.nodes)
        bodies = {}
        for node in nodes:
            _rename(node, renamed)
            if node.name in needed and self._has_bodies(node):
                drafts = self._drafts(draft, node)
                _hand_in(node, drafts, constants, renamed)
                bodies[node.name] = {
                    called: self.region(each) for called, each in drafts.items()
                }
        draft.results[:] = [renamed.get(each, each) for each in draft.results]
        live = _needed(draft, draft.results)
        first = set() if draft.id else reachable(nodes, self.initial)
        kept = live | (set() if draft.id else first | reachable(nodes, self.named))
        return Region(
            draft.id,
            tuple(node for node in nodes if node.name in kept),
            frozenset(live),
            tuple(draft.arguments),
            tuple(draft.results),
            draft.function,
            bodies,
            tuple(node for node in nodes if node.name in first),
        )

    def _fold_reads(self, draft: _Draft, renamed: dict[str, str]) -> None:
        """Have readers of a constant's Identity read the constant."""
        constants = {node.name for node in draft.nodes if node.op == "Const"}
        for node in sorted_nodes(draft.nodes):
            source = data(node)
            if node.op != "Identity" or (not draft.id and node.name in self.named):
                continue
            if renamed.get(source[0], source[0]) in constants:
                renamed[node.name] = renamed.get(source[0], source[0])
        kept = [_rename(node, renamed) for node in draft.nodes]
        draft.nodes[:] = [node for node in kept if node.name not in renamed]
        draft.results[:] = [renamed.get(each, each) for each in draft.results]
        if draft.function is not None:
            _forget_controls(draft.function, renamed)

    def _has_bodies(self, node: Any) -> bool:
        """Whether all its functions are known and have plain signatures."""
        names = [
            function_of(node, n, k).name for n, k, _called in body_attributes(node)
        ]
        found = [self.functions.get(name) for name in names]
        return bool(found) and all(
            function is not None and not function.signature.attr for function in found
        )

    def _drafts(self, draft: _Draft, node: Any) -> dict[str, _Draft]:
        owner = f"{draft.id}/{node.name}" if draft.id else node.name
        found = {}
        for name, index, called in body_attributes(node):
            function = self.functions[function_of(node, name, index).name]
            found[called] = self._unpacked(f"{owner}/{called}", function)
        return found

    def _unpacked(self, id_: str, function: Any) -> _Draft:
        nesting = Nesting(function.node_def, self.functions)
        nodes, arguments = [], []
        for argument in function.signature.input_arg:
            node = node_def_pb2.NodeDef(name=argument.name, op="Placeholder")
            node.attr["dtype"].type = argument.type
            nodes.append(node)
            arguments.append(argument.name)
        for each in function.node_def:
            node = _copy(each)
            node.input[:] = [nesting.flat(reference) for reference in each.input]
            nodes.append(node)
        returned = [function.ret[o.name] for o in function.signature.output_arg]
        results = [canonical(nesting.flat(reference)) for reference in returned]
        copied = type(function)()
        copied.CopyFrom(function)
        return _Draft(id_, nodes, arguments, results, copied)


def _hand_in(
    node: Any,
    drafts: Mapping[str, _Draft],
    constants: Mapping[str, Any],
    renamed: dict[str, str],
) -> None:
    """Move constant operands into the bodies; a loop's only if it leaves them alone."""
    operands = data(node)
    first = 1 if node.op in CHOICES else 0
    places = [
        place
        for place, name in enumerate(operands)
        if place >= first
        and name in constants
        and (node.op not in LOOPS or _left_alone(drafts["body"], place))
    ]
    if not places:
        return
    for place in reversed(places):
        for draft in drafts.values():
            draft.take(place - first, constants[operands[place]])
    if node.op in LOOPS:
        for place in reversed(places):
            drafts["body"].results.pop(place)
            del drafts["body"].function.signature.output_arg[place]
        kept = [k for k in range(len(operands)) if k not in places]
        for place in places:
            renamed[flat(node.name, place)] = operands[place]
        for new, old in enumerate(kept):
            renamed[flat(node.name, old)] = flat(node.name, new)
    _drop_operands(node, places, first)


def _left_alone(body: _Draft, place: int) -> bool:
    """Whether a loop's body returns what it takes there."""
    by_name = {node.name: node for node in body.nodes}
    name = body.results[place]
    while name in by_name and by_name[name].op == "Identity":
        name = data(by_name[name])[0]
    return name == body.arguments[place]


def _drop_operands(node: Any, places: list[int], first: int) -> None:
    dropped = set(places)
    operands, control = data(node), [i for i in node.input if i.startswith("^")]
    node.input[:] = [o for k, o in enumerate(operands) if k not in dropped] + control
    for name in TYPE_LISTS.get(node.op, ("Tin",)):
        value = node.attr[name].list
        for values in (value.type, value.shape):
            kept = [v for k, v in enumerate(values) if k + first not in dropped]
            del values[:]
            values.extend(kept)
    node.attr.pop("_read_only_resource_inputs", None)


def _needed(draft: _Draft, results: list[str]) -> set[str]:
    """Names of what the results and the function's effects need, and the arguments."""
    effects = draft.function.control_ret.values() if draft.function else ()
    return reachable(draft.nodes, [*results, *effects]) | set(draft.arguments)


def _renumber(numbered: Any, place: int) -> None:
    """Close the gap that a dropped argument leaves in what counts arguments."""
    later = {k: v for k, v in numbered.items() if k != place}
    numbered.clear()
    for k, value in later.items():
        index = k - 1 if k > place else k
        if isinstance(value, int):
            numbered[index] = value
        else:
            numbered[index].CopyFrom(value)


def _forget_controls(function: Any, gone: Mapping[str, str]) -> None:
    """Wait for no node that was folded away."""
    for output, name in list(function.control_ret.items()):
        if name in gone:
            del function.control_ret[output]
    kept = [o for o in function.signature.control_output if o in function.control_ret]
    function.signature.control_output[:] = kept


def _wait_for_no(constants: Mapping[str, Any], node: Any) -> None:
    """Constants are there from the start; waiting for one would keep it in the file."""
    kept = [each for each in node.input if each[1:] not in constants or each[0] != "^"]
    if len(kept) < len(node.input):
        node.input[:] = kept


def _rename(node: Any, renamed: Mapping[str, str]) -> Any:
    for k, reference in enumerate(node.input):
        if reference.startswith("^"):
            target = renamed.get(reference[1:])
            if target is not None and parsed(target)[0] != reference[1:]:
                node.input[k] = f"^{parsed(target)[0]}"
        else:
            plain = canonical(reference)
            node.input[k] = renamed.get(plain, plain)
    return node


def _copy(node: Any) -> Any:
    new = type(node)()
    new.CopyFrom(node)
    return new
