"""From the prepared FX graph to the Graph that placement and search see."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.utils.flop_counter import FlopCounterMode

from ...graph import Graph, Kind, Op, Slot, Tensor
from ..protocol import Inputs
from . import nodes
from .flops import uncounted
from .prepared import Prepared, is_constant


def picture(prepared: Prepared, inputs: Inputs) -> Graph:
    """Run the graph once on a real batch and describe what was seen."""
    seen = _Observer(prepared.module)
    with torch.inference_mode():
        seen.run(*inputs)
    names = tensor_names(prepared)
    tensors = {
        names[node]: Tensor(names[node], dtype, shape, is_constant(node))
        for node, (dtype, shape) in seen.tensors.items()
        if node in names
    }
    ops = tuple(
        _op(prepared, node, names, tensors, seen.flops.get(node, 0))
        for node in prepared.module.graph.nodes
        if nodes.is_op(node)
    )
    graph = prepared.module.graph
    return Graph(
        ops=ops,
        tensors=tensors,
        inputs=tuple(
            names[n] for n in graph.find_nodes(op="placeholder") if n in names
        ),
        outputs=tuple(
            names[n] for n in _leaves(graph.output_node().args) if n in names
        ),
    )


def tensor_names(prepared: Prepared) -> dict[fx.Node, str]:
    """Node → tensor name: the op's id, with `#k` for output k of several.

    Inputs and constants keep their own; `self.x` is a constant beside an input `x`.
    """
    names = {}
    placeholders = prepared.module.graph.find_nodes(op="placeholder")
    inputs = {str(node.target) for node in placeholders}
    for node in prepared.module.graph.nodes:
        if nodes.is_getitem(node):
            if nodes.is_op(node.args[0]) and nodes.is_tensor(node):
                names[node] = f"{prepared.ids[node.args[0].name]}#{node.args[1]}"
        elif nodes.is_op(node):
            if nodes.is_tensor(node):
                names[node] = prepared.ids[node.name]
        elif nodes.is_tensor(node):
            name = str(node.target)
            hidden = is_constant(node) and name in inputs
            names[node] = f"self.{name}" if hidden else name
    return names


def _leaves(outputs: Any) -> list[fx.Node]:
    """The nodes that are returned, in order, each as often as it is."""
    leaves = torch.utils._pytree.tree_leaves(outputs)
    return [leaf for leaf in leaves if isinstance(leaf, fx.Node)]


def _op(
    prepared: Prepared,
    node: fx.Node,
    names: dict[fx.Node, str],
    tensors: dict[str, Tensor],
    flops: int,
) -> Op:
    outputs = tuple(names[n] for n in nodes.made(node) if n in names)
    slots = tuple(Slot(names[n], follows) for n, follows in nodes.slots(node))
    kind = nodes.kind(node)
    takes = any(s.castable and tensors[str(s.tensor)].floating for s in slots)
    if not takes or not any(tensors[name].floating for name in outputs):
        kind = Kind.FIXED
        slots = tuple(Slot(s.tensor, castable=False) for s in slots)
    if kind is Kind.POINTWISE:
        flops = sum(tensors[name].elements for name in outputs)
    path = nodes.module_path(node)
    absorbed = prepared.absorbed.get(node.name, [])
    return Op(
        id=prepared.ids[node.name],
        type=prepared.ids[node.name].split(":")[-2],
        kind=kind,
        inputs=slots,
        outputs=outputs,
        scope=path,
        absorbed=tuple(name for name, _type in absorbed),
        absorbed_types=tuple(type_ for _name, type_ in absorbed),
        absorbed_scopes=tuple(name.split(":")[0] for name, _type in absorbed),
        flops=0 if kind is Kind.MOVER else flops,
        key=node.name,
    )


class _Observer(fx.Interpreter):
    """Runs the graph and keeps dtypes, shapes and FLOPs, not values."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.tensors: dict[fx.Node, tuple[str, tuple[int, ...]]] = {}
        self.flops: dict[fx.Node, int] = {}

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        # torch's counter hooks the gradients of what enters a branch.
        value = super().get_attr(target, args, kwargs)
        return value.detach() if isinstance(value, torch.Tensor) else value

    def run_node(self, n: fx.Node) -> Any:
        if nodes.is_op(n) and nodes.kind(n) is Kind.COMPUTE:
            value, counted = self._count(n)
            self.flops[n] = counted or uncounted(
                nodes.operator_name(n), self.fetch_args_kwargs_from_env(n)[0], value
            )
        elif nodes.is_op(n) and nodes.is_opaque(n):
            value, self.flops[n] = self._count(n)
        else:
            value = super().run_node(n)
        if isinstance(value, torch.Tensor):
            dtype = str(value.dtype).removeprefix("torch.")
            self.tensors[n] = (dtype, tuple(value.shape))
        return value

    def _count(self, node: fx.Node) -> tuple[Any, int]:
        with FlopCounterMode(display=False) as counter:
            value = super().run_node(node)
        return value, counter.get_total_flops()
