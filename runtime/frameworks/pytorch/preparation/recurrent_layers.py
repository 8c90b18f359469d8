"""A stack of recurrent layers as one op for each layer and direction.

Each can have a precision of its own then. What is computed stays, and so does its time:
kernels go layer by layer and direction by direction themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import getitem
from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

from ..ir import nodes
from ..ir.naming import name_op
from ..ir.prepared import Prepared
from ..ir.recurrent import FORWARD, Recurrent, recurrent

aten = torch.ops.aten


def split_recurrent_layers(prepared: Prepared) -> None:
    """Put ops of one layer and direction in the place of stacks."""
    for node in list(prepared.module.graph.nodes):
        stack = recurrent(node)
        if stack is None or (stack.count == 1 and not stack.batch_first):
            continue
        if all(map(nodes.is_getitem, node.users)):
            _Split(prepared, node, stack).write()


@dataclass(frozen=True)
class _Split:
    """One stack, whose ops are written before it."""

    prepared: Prepared
    node: fx.Node
    stack: Recurrent

    def write(self) -> None:
        outputs = self._outputs()
        for user in list(self.node.users):
            place = user.args[1]
            assert isinstance(place, int)
            user.replace_all_uses_with(outputs[place])
            self.prepared.module.graph.erase_node(user)
        self.prepared.module.graph.erase_node(self.node)

    def _outputs(self) -> list[fx.Node]:
        """What the stack gives: the last layer's sequence, and all states."""
        states: list[list[fx.Node]] = [[] for _ in self.stack.states]
        sequence = self._turned(self.stack.input)
        if self.stack.batch_first:
            # Of steps that are not contiguous torch makes a product for each, with a
            # copy of the weight, where the weight takes no gradient.
            sequence = self._call(aten.contiguous.default, sequence)
        for layer in range(self.stack.layers):
            made = []
            for way in range(self.stack.ways):
                one, *last = self._layer(sequence, layer, way)
                made.append(one)
                for known, state in zip(states, last, strict=True):
                    known.append(state)
            sequence = made[0] if len(made) == 1 else self._cat(made, -1)
        return [self._turned(sequence), *(self._cat(known, 0) for known in states)]

    def _turned(self, sequence: fx.Node) -> fx.Node:
        """Steps first, as kernels go through it; and back."""
        if not self.stack.batch_first:
            return sequence
        return self._call(aten.transpose.int, sequence, 0, 1)

    def _layer(self, sequence: fx.Node, layer: int, way: int) -> list[fx.Node]:
        """One layer in one direction: its sequence and its last states."""
        stack, place = self.stack, layer * self.stack.ways + way
        first = [self._call(aten.narrow.default, s, 0, place, 1) for s in stack.states]
        taken = sequence if way == FORWARD else self._flip(sequence)
        node = self._node(stack.target, stack.call(taken, first, place))
        value, *last = self.node.meta["val"]
        steps = taken.meta["val"].shape[:-1]
        held = (
            value.new_empty((*steps, last[0].shape[-1])),
            *(state.narrow(0, 0, 1) for state in last),
        )
        node.meta["val"] = held
        self._name(node, place)
        parts = [self._getitem(node, k, value) for k, value in enumerate(held)]
        if way != FORWARD:
            parts[0] = self._flip(parts[0])
        return parts

    def _name(self, node: fx.Node, place: int) -> None:
        """As torch names its weights; the first keeps the stack's own id."""
        ids, ledger = self.prepared.ids, self.prepared.ledger
        layer, way = divmod(place, self.stack.ways)
        path, type_, k = ids[self.node.name].rsplit(":", 2)
        suffix = (f"_l{layer}" if layer else "") + (
            "" if way == FORWARD else "_reverse"
        )
        ids[node.name] = f"{path}:{type_}{suffix}:{k}"
        ledger.absorb(node.name, self.node.name)

    def _flip(self, sequence: fx.Node) -> fx.Node:
        return self._call(aten.flip.default, sequence, [0])

    def _cat(self, parts: Sequence[fx.Node], axis: int) -> fx.Node:
        node = self._node(aten.cat.default, (list(parts), axis))
        node.meta["val"] = torch.cat([part.meta["val"] for part in parts], axis)
        name_op(self.prepared, node)
        return node

    def _call(self, target: OpOverload, value: fx.Node, *args: Any) -> fx.Node:
        node = self._node(target, (value, *args))
        node.meta["val"] = target(value.meta["val"], *args)
        name_op(self.prepared, node)
        return node

    def _getitem(self, node: fx.Node, place: int, value: Any) -> fx.Node:
        with self.prepared.module.graph.inserting_before(self.node):
            made: fx.Node = self.prepared.module.graph.call_function(
                getitem, (node, place)
            )
        made.meta["val"] = value
        return made

    def _node(self, target: Any, args: tuple[Any, ...]) -> fx.Node:
        with self.prepared.module.graph.inserting_before(self.node):
            node = self.prepared.module.graph.call_function(target, args)
        node.meta = {**self.node.meta, "part": True}
        return node
