"""GELU's tanh approximation, written out in eight ops, as the one op that it is."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from ..ir import nodes
from ..ir.naming import name_op
from ..ir.prepared import Prepared

aten = torch.ops.aten
CUBIC = 0.044715
"""Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, section 2."""


def join_gelus(prepared: Prepared) -> None:
    """x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) → gelu(x, approximate="tanh")."""
    for node in list(prepared.module.graph.nodes):
        found = _written_out(node)
        if found is None:
            continue
        x, parts = found
        with prepared.module.graph.inserting_before(node):
            gelu = prepared.module.graph.call_function(
                aten.gelu.default, (x,), {"approximate": "tanh"}
            )
        gelu.meta = dict(node.meta)
        name_op(prepared, gelu)
        node.replace_all_uses_with(gelu)
        prepared.ledger.take_value(gelu.name, node.name)
        for part in parts:
            prepared.ledger.absorb(gelu.name, part.name)
            prepared.module.graph.erase_node(part)


def _written_out(node: fx.Node) -> tuple[fx.Node, list[fx.Node]] | None:
    """x and the eight ops from the last to the first, each read by the next alone."""
    for half, gate in _orders(node, aten.mul.Tensor):
        x = _with_scalar(half, aten.mul.Tensor, 0.5)
        tanh = _with_scalar(gate, aten.add.Tensor, 1.0)
        inner = _only(tanh, aten.tanh.default)
        if x is None or tanh is None or inner is None:
            continue
        total = _with_scalar(inner, aten.mul.Tensor, math.sqrt(2 / math.pi))
        if total is None:
            continue
        for first, cube in _orders(total, aten.add.Tensor):
            power = _with_scalar(cube, aten.mul.Tensor, CUBIC)
            if first is not x or power is None:
                continue
            if _with_scalar(power, aten.pow.Tensor_Scalar, 3.0) is x:
                parts = [node, gate, tanh, inner, total, cube, power, half]
                if all(len(part.users) == 1 for part in parts[1:]):
                    return x, parts
    return None


def _orders(node: fx.Node, target: Any) -> list[tuple[fx.Node, fx.Node]]:
    """The two operands in both orders, if the node is that op of two tensors."""
    if node.target is not target or node.kwargs or len(node.args) != 2:
        return []
    a, b = node.args
    if not isinstance(a, fx.Node) or not isinstance(b, fx.Node):
        return []
    return [(a, b), (b, a)]


def _with_scalar(node: fx.Node, target: Any, value: float) -> fx.Node | None:
    """The operand, if the node is that op of a tensor and this number."""
    if node.target is not target or node.kwargs or len(node.args) != 2:
        return None
    tensor, scalar = node.args
    if isinstance(scalar, fx.Node):
        tensor, scalar = scalar, tensor
    known = isinstance(scalar, (int, float)) and math.isclose(
        scalar, value, rel_tol=1e-6
    )
    return tensor if known and isinstance(tensor, fx.Node) else None


def _only(node: fx.Node | None, target: Any) -> fx.Node | None:
    """The operand, if the node is that op of one tensor."""
    if node is None or node.target is not target or not nodes.is_tensor(node):
        return None
    operand = node.args[0]
    return operand if isinstance(operand, fx.Node) else None
