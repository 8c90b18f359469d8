"""The graphs of one model: the main one, and the bodies of its branches, loops, calls.

Each call of a function has a body of its own. In a prepared model the constants that
are handed to a body stand in the body itself (`body_constants.py`), to be cast offline there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .frozen import Frozen
from .naming import Nesting, canonical, data, parsed
from .protos import NodeDef, copied
from .traversal import reachable, sorted_nodes

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
BRANCHES = frozenset({"If", "StatelessIf"}) | CASES
LOOPS = frozenset({"While", "StatelessWhile"})


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
        restarts: Nodes before which state starts over: a signature's first.
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
    restarts: frozenset[str] = frozenset()

    def within(self, name: str) -> str:
        """A name inside the region, as it is known outside."""
        return f"{self.id}/{name}" if self.id else name

    @cached_property
    def by_name(self) -> Mapping[str, Any]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def order(self) -> Mapping[str, int]:
        """Places of the nodes in the order in which they run."""
        return {node.name: place for place, (node, _done) in enumerate(self.steps)}

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


def functions(node: Any) -> list[str]:
    """Names of a node's functions, in order."""
    return [function_of(node, n, k).name for n, k, _called in body_attributes(node)]


def regions(frozen: Frozen) -> Region:
    """The main graph of a frozen model, with its bodies: all that is converted."""
    functions = {f.signature.name: f for f in frozen.graph_def.library.function}
    named = {parsed(e.tensor)[0] for s in frozen.signatures for e in s.outputs}
    main = _Builder(functions, frozenset(named), frozen.initial).region(
        _Draft(
            "",
            [copied(node) for node in frozen.graph_def.node],
            [parsed(each.tensor)[0] for each in frozen.all_inputs],
            [canonical(each.tensor) for each in frozen.all_outputs],
        )
    )
    return _one_after_another(main, frozen) if frozen.initial else main


def _one_after_another(main: Region, frozen: Frozen) -> Region:
    """The region with one signature's nodes behind the other's, each from the state."""
    group: dict[str, int] = {}
    for k, each in enumerate(frozen.converted):
        for name in reachable(main.nodes, [e.tensor for e in each.outputs]):
            group.setdefault(name, k)
    last = len(frozen.converted)
    nodes = sorted(main.nodes, key=lambda node: group.get(node.name, last))
    firsts: dict[int, str] = {}
    for node in nodes:
        if node.op not in ("Const", "Placeholder") and node.name in main.live:
            firsts.setdefault(group[node.name], node.name)
    return replace(main, nodes=tuple(nodes), restarts=frozenset(firsts.values()))


@dataclass(frozen=True)
class _Draft:
    """A graph whose bodies are not known yet."""

    id: str
    nodes: Sequence[Any]
    arguments: Sequence[str]
    results: Sequence[str]
    function: Any = None


@dataclass(frozen=True)
class _Builder:
    """Builds regions; nodes named in signatures stay.

    Attributes:
        functions: The library.
        named: Names of the nodes that signatures return.
        initial: Names of the nodes that run once before the first call.
    """

    functions: Mapping[str, Any]
    named: frozenset[str]
    initial: tuple[str, ...]

    def region(self, draft: _Draft) -> Region:
        nodes = sorted_nodes(draft.nodes)
        live = _needed(draft)
        bodies = {
            node.name: {
                called: self.region(each)
                for called, each in self._drafts(draft, node).items()
            }
            for node in nodes
            if node.name in live and self._has_bodies(node)
        }
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

    def _has_bodies(self, node: Any) -> bool:
        """Whether all its functions are known and have plain signatures."""
        found = [self.functions.get(name) for name in functions(node)]
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
            node = NodeDef(name=argument.name, op="Placeholder")
            node.attr["dtype"].type = argument.type
            nodes.append(node)
            arguments.append(argument.name)
        for each in function.node_def:
            node = copied(each)
            node.input[:] = [nesting.flat(reference) for reference in each.input]
            nodes.append(node)
        returned = [function.ret[o.name] for o in function.signature.output_arg]
        results = [canonical(nesting.flat(reference)) for reference in returned]
        return _Draft(id_, nodes, arguments, results, function)


def _needed(draft: _Draft) -> set[str]:
    """Names of what the results and the function's effects need, and the arguments."""
    effects = draft.function.control_ret.values() if draft.function else ()
    return reachable(draft.nodes, [*draft.results, *effects]) | set(draft.arguments)
