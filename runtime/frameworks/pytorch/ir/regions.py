"""The graphs of one program: the main one, and the bodies of its branches and loops.

torch.export hands weights to a body as operands. Here every body owns the constants it
uses, under the names that they have outside, so that a body is prepared as any graph
is; `rewrite` hands them in again. Node names are unique in the whole program.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import fx

from . import nodes, operators
from .prepared import attribute, is_constant, registered


@dataclass(frozen=True)
class Region:
    """One graph of a program.

    Attributes:
        id: "" for the main graph, else the control-flow op's id and the body's name.
        module: The graph with the constants that it uses.
        caller: The control-flow op, a node of the enclosing graph.
    """

    id: str
    module: fx.GraphModule
    caller: fx.Node | None = None

    def within(self, name: str) -> str:
        """A name inside the region, as it is known outside."""
        return f"{self.id}/{name}" if self.id else name

    def local(self, name: str) -> str:
        """The name without the region."""
        return name.removeprefix(f"{self.id}/") if self.id else name


def regions(module: fx.GraphModule, ids: Mapping[str, str]) -> Iterator[Region]:
    """The main graph, then the bodies, each after the graph that holds it.

    Args:
        ids: Node name → op id.
    """
    waiting = [Region("", module)]
    for region in waiting:
        yield region
        for node in region.module.graph.nodes:
            for name, body in bodies(region.module, node).items():
                waiting.append(Region(f"{ids[node.name]}/{name}", body, node))


def graphs(module: fx.GraphModule) -> Iterator[fx.GraphModule]:
    """The main graph and all bodies, before their ops have names."""
    yield module
    for node in filter(nodes.is_control_flow, module.graph.nodes):
        for body in bodies(module, node).values():
            yield from graphs(body)


def bodies(module: fx.GraphModule, node: fx.Node) -> dict[str, fx.GraphModule]:
    """Name → body of a control-flow op, in the order it takes them; else empty."""
    names = (
        operators.BODIES.get(nodes.operator_name(node), ()) if nodes.is_op(node) else ()
    )
    graphs = [module.get_submodule(str(n.target)) for n in body_nodes(node)]
    found = zip(names, graphs, strict=True)
    return {name: body for name, body in found if isinstance(body, fx.GraphModule)}


def body_nodes(node: fx.Node) -> list[fx.Node]:
    """The get_attr nodes that name a control-flow op's bodies."""
    if not nodes.is_control_flow(node):
        return []
    taken = (n for n in node.args if isinstance(n, fx.Node))
    return [n for n in taken if n.op == "get_attr" and not nodes.is_tensor(n)]


def operands(node: fx.Node) -> list[fx.Node]:
    """What a control-flow op's bodies take, in order."""
    after = max(node.args.index(body) for body in body_nodes(node)) + 1
    leaves = torch.utils._pytree.tree_leaves(list(node.args[after:]))
    return [leaf for leaf in leaves if isinstance(leaf, fx.Node)]


def handed_in(node: fx.Node) -> tuple[object, ...]:
    """The last operands: those that a body takes last and never changes."""
    last = node.args[-1]
    assert isinstance(last, (tuple, list))
    return tuple(last)


def own_bodies(module: fx.GraphModule) -> None:
    """Give each control-flow op bodies of its own, with constants and module paths."""
    _own_bodies(module, itertools.count(1))


def _own_bodies(module: fx.GraphModule, numbers: Iterator[int]) -> None:
    for node in filter(nodes.is_control_flow, list(module.graph.nodes)):
        graphs = body_nodes(node)
        node.args = tuple(
            _own_body(module, node, argument, next(numbers))
            if argument in graphs
            else argument
            for argument in node.args
        )
    hand_constants_in(module)
    for node in filter(nodes.is_control_flow, module.graph.nodes):
        for body in bodies(module, node).values():
            _set_module_paths(body, nodes.module_path(node))
            _own_bodies(body, numbers)
    module.graph.eliminate_dead_code()
    module.recompile()


def _own_body(
    module: fx.GraphModule, node: fx.Node, old: fx.Node, number: int
) -> fx.Node:
    body = copied(module.get_submodule(str(old.target)), f"region{number}_")
    name = f"region{number}"
    while hasattr(module, name):
        name += "_"
    module.add_module(name, body)
    with module.graph.inserting_before(node):
        return module.graph.get_attr(name)


def hand_constants_in(module: fx.GraphModule) -> None:
    """Let bodies own the constants that their control-flow ops hand to them."""
    for node in filter(nodes.is_control_flow, module.graph.nodes):
        taken = handed_in(node)
        kept = tuple(value for value in taken if not is_constant(value))
        if len(kept) == len(taken):
            continue
        for body in bodies(module, node).values():
            places = body.graph.find_nodes(op="placeholder")[-len(taken) :]
            for value, place in zip(taken, places, strict=True):
                if is_constant(value):
                    _own_constant(module, value, body, place)
        node.args = (*node.args[:-1], kept)
    module.recompile()


def _own_constant(
    module: fx.GraphModule, node: fx.Node, body: fx.GraphModule, place: fx.Node
) -> None:
    value = attribute(module, node)
    if place.users:
        name = registered(body, str(node.target), value)
        with body.graph.inserting_after(body.graph.find_nodes(op="placeholder")[-1]):
            own = body.graph.get_attr(name)
        own.meta["val"] = value
        place.replace_all_uses_with(own)
    body.graph.erase_node(place)


def _set_module_paths(body: fx.GraphModule, path: str) -> None:
    """Say where ops belong, which torch.export forgets: where their weights do.

    Ops without weights belong where the branch or the loop stands.
    """
    for node in body.graph.nodes:
        if nodes.is_op(node) and not nodes.module_path(node):
            weights = filter(is_constant, node.all_input_nodes)
            owners = {str(w.target).rpartition(".")[0] for w in weights}
            own = owners.pop() if len(owners) == 1 else path
            node.meta["nn_module_stack"] = {"": (own, "")}


def copied(module: torch.nn.Module, prefix: str = "") -> fx.GraphModule:
    """A copy of the graph and of its bodies, which shares the constants."""
    assert isinstance(module, fx.GraphModule)
    graph = fx.Graph()
    graph.set_codegen(module.graph._codegen)
    known: dict[fx.Node, fx.Node] = {}
    for node in module.graph.nodes:
        args = fx.map_arg(node.args, known.__getitem__)
        kwargs = fx.map_arg(node.kwargs, known.__getitem__)
        new = graph.create_node(node.op, node.target, args, kwargs, prefix + node.name)
        new.meta = dict(node.meta)
        known[node] = new
    result = fx.GraphModule(module, graph, class_name="Copied")
    for node in filter(nodes.is_control_flow, graph.nodes):
        for name in (str(n.target) for n in body_nodes(node)):
            result.add_module(name, copied(result.get_submodule(name)))
    return result
