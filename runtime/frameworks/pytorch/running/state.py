"""Buffers that a graph writes: they are no constants, and their writes stay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import fx

from ....common.errors import ModelError
from ..ir import nodes
from .interpreter import observe


def mark(module: fx.GraphModule, mutating: Iterable[fx.Node]) -> None:
    """Tell the buffers that a functional graph writes at its end from its constants.

    Args:
        mutating: The nodes that write, those in bodies included.

    Raises:
        ModelError: The model changes an input while it runs, or a buffer in a way that
            torch can't make functional.
    """
    written = set()
    for node in mutating:
        if not nodes.writes_state(node):
            raise _refusal(node)
        written.add(node.all_input_nodes[0].target)
    for node in module.graph.find_nodes(op="get_attr"):
        if node.target in written:
            node.meta["state"] = True


def written(module: fx.GraphModule) -> dict[str, torch.Tensor]:
    """Name → buffer, of those that running the graph may change."""
    names = dict.fromkeys(
        str(source.target)
        for node in filter(nodes.mutates, module.graph.nodes)
        for source in _sources(node)
    )
    return {name: module.get_buffer(name) for name in names}


def _sources(node: fx.Node) -> list[fx.Node]:
    """The buffers whose memory a mutating op may write to, through views too."""
    found, todo = [], [node.args[0]]
    while todo:
        one = todo.pop()
        if isinstance(one, fx.Node):
            found += [one] if one.op == "get_attr" else []
            todo += one.args[:1] if one.op == "call_function" else []
    return found


def reset(module: fx.GraphModule, original: torch.nn.Module) -> None:
    """Give the module the state that another has under the same names."""
    with torch.no_grad():
        for name, buffer in written(module).items():
            buffer.copy_(original.get_buffer(name))


def after(
    module: fx.GraphModule, inputs: tuple[Any, ...]
) -> tuple[Any, dict[str, torch.Tensor]]:
    """The outputs on a batch, and what each buffer would hold; nothing is changed."""
    values: dict[str, torch.Tensor] = {}

    def see(node: fx.Node, value: Any) -> None:
        if nodes.writes_state(node):
            values[str(node.all_input_nodes[0].target)] = value

    return observe(module, inputs, see), values


def _refusal(node: fx.Node) -> ModelError:
    written = node.args[0]
    assert isinstance(written, fx.Node)
    kind = "input" if written.op == "placeholder" else "buffer"
    return ModelError(
        f"the model changes its {kind} {written.target} while it runs",
        f"Let forward() work on a copy: {written.target}.clone().",
    )
