"""What the bodies of control-flow operators compute: they stay fp32, but count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..ir.flops import Shape, flops
from ..ir.network import Network, Node, from_json
from .interpreter import inferred_shapes

LOCATIONS = {
    "_cond": ("cond_input_locs", "then_input_locs", "else_input_locs"),
    "_foreach": ("in_data_locs", "in_state_locs", "remain_locs"),
    "_while_loop": ("cond_input_locs", "func_input_locs"),
}
"""Attributes that say which operand each variable of a body is."""


def body_flops(node: Node, inputs: Sequence[Any], outputs: Sequence[Shape]) -> int:
    """Contractions of the bodies: of the larger branch, and of every iteration.

    A loop's body counts as often as its first output, or its operand, is long.
    """
    operands = [value.shape for value in inputs]
    if node.op == "_cond":
        _test, *branches = LOCATIONS["_cond"]
        counted = [
            _of_body(body, [operands[k] for k in _numbers(node, name)])
            for body, name in zip(node.bodies[1:], branches, strict=True)
        ]
        return max(counted)
    if node.op == "_foreach":
        return _of_foreach(node, operands)
    operand = [operands[k] for k in _numbers(node, "func_input_locs")]
    iterations = outputs[0][0] if outputs and outputs[0] else 1
    return iterations * _of_body(node.bodies[-1], operand)


def _of_foreach(node: Node, operands: list[Shape]) -> int:
    """One operand's slice, the states and what remains, in the order of the body."""
    data, states, rest = (_numbers(node, name) for name in LOCATIONS["_foreach"])
    sliced = len(data)
    shapes: dict[int, Shape] = {}
    for k, place in enumerate(data):
        shapes[place] = operands[k][1:]
    for k, place in enumerate([*states, *rest]):
        shapes[place] = operands[sliced + k]
    iterations = operands[0][0] if operands and operands[0] else 1
    return iterations * _of_body(node.bodies[0], [shapes[k] for k in sorted(shapes)])


def _numbers(node: Node, name: str) -> list[int]:
    text = node.attrs.get(name, "[]").strip("[]() ")
    return [int(number) for number in text.split(",") if number.strip()]


def _of_body(body: Any, operands: Sequence[Shape]) -> int:
    """FLOPs of one run on operands of these shapes, in the order of its variables."""
    network: Network = from_json(json.dumps(body))
    variables = [node.name for node in network.nodes if node.variable]
    shapes = inferred_shapes(network, dict(zip(variables, operands, strict=False)))
    total = 0
    for index, node in enumerate(network.nodes):
        if node.variable:
            continue
        taken = [shapes[entry] for entry in node.inputs if entry in shapes]
        total += flops(node, taken, [shapes[index, 0]])
    return total
