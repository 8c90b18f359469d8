"""A placement becomes a new graph: weights cast offline, one cast per tensor and target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from ...graph import Precision
from . import nodes
from .kernels import DTYPES
from .prepared import constant, is_constant
from .values import fitted, stored


def rewrite(
    module: fx.GraphModule,
    placement: Mapping[str, Precision],
    held: Mapping[str, Precision],
) -> fx.GraphModule:
    """Copy the graph with every op in its precision.

    Args:
        module: The prepared fp32 graph; left as it is.
        placement: Node name → precision; nodes that are not named stay fp32.
        held: Node name → precision in which the node's fp32 value is made.
    """
    writer = _Writer(module, held)
    for node in module.graph.nodes:
        writer.copy(node, placement.get(node.name, Precision.FP32))
    return writer.finish()


class _Writer:
    """The new graph while it grows; `versions` holds each value by precision."""

    def __init__(self, module: fx.GraphModule, held: Mapping[str, Precision]) -> None:
        self.module = module
        self.held = held
        self.root = torch.nn.Module()
        self.graph = fx.Graph()
        self.graph.set_codegen(module.graph._codegen)
        self.versions: dict[tuple[fx.Node, Precision], fx.Node] = {}
        self.plain: dict[fx.Node, fx.Node] = {}

    def copy(self, node: fx.Node, precision: Precision) -> None:
        if is_constant(node):
            return  # written at its first use, in the precision used there
        if node.op == "get_attr":
            self.root.add_module(
                str(node.target), self.module.get_submodule(str(node.target))
            )
        wanted = _wanted(node, precision)
        new = self.graph.node_copy(
            node, lambda n: self.version(n, wanted.get(n, self._own(n)))
        )
        new.args, new.kwargs = fitted(new, DTYPES[precision])
        self.plain[node] = new
        if _is_fp32(node):
            self.versions[node, self.held.get(node.name, Precision.FP32)] = new

    def version(self, node: fx.Node, precision: Precision) -> fx.Node:
        """The value of `node` in `precision`, cast once; other dtypes as they are."""
        if not _is_fp32(node):
            return self._constant(node, None) if is_constant(node) else self.plain[node]
        key = (node, precision)
        if key not in self.versions:
            self.versions[key] = (
                self._constant(node, precision)
                if is_constant(node)
                else self._cast(self.plain[node], precision)
            )
        return self.versions[key]

    def finish(self) -> fx.GraphModule:
        self.graph.lint()
        return fx.GraphModule(self.root, self.graph, class_name="Converted")

    def _own(self, node: fx.Node) -> Precision:
        """What shape arithmetic reads: the value as made, so that it needs no cast."""
        return self.held.get(node.name, Precision.FP32)

    def _cast(self, node: fx.Node, precision: Precision) -> fx.Node:
        return self.graph.call_function(
            torch.ops.aten._to_copy.default, (node,), {"dtype": DTYPES[precision]}
        )

    def _constant(self, node: fx.Node, precision: Precision | None) -> fx.Node:
        if precision is None and node in self.plain:
            return self.plain[node]
        value = constant(self.module, node)
        if precision is not None:
            value = stored(value, DTYPES[precision])
        written = self.graph.get_attr(self._stored(str(node.target), value))
        self.plain.setdefault(node, written)
        return written

    def _stored(self, name: str, value: torch.Tensor) -> str:
        """Register a weight under its own name; with its dtype, if that is taken."""
        *path, last = name.split(".")
        owner = self.root
        for part in path:
            if part not in owner._modules:
                owner.add_module(part, torch.nn.Module())
            owner = owner.get_submodule(part)
        while hasattr(owner, last):
            last = f"{last}_{str(value.dtype).removeprefix('torch.')}"
        if value.untyped_storage().nbytes() > value.numel() * value.element_size():
            value = value.clone()  # archives hold whole storages
        owner.register_buffer(last, value)
        return ".".join([*path, last])


def _wanted(node: fx.Node, precision: Precision) -> dict[fx.Node, Precision]:
    """The precision in which an op, or the graph's output, takes each tensor."""
    if node.op == "output":
        return dict.fromkeys(node.all_input_nodes, Precision.FP32)
    if not nodes.is_op(node):
        return {}
    return {
        n: precision if follows else Precision.FP32 for n, follows in nodes.slots(node)
    }


def _is_fp32(node: fx.Node) -> bool:
    value: Any = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32
