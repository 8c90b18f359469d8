"""The activations that oneDNN's kernels apply to what they computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import fx

from ..ir import nodes


@dataclass(frozen=True)
class Activation:
    """An activation as torch's `mkldnn` operators take it.

    Attributes:
        attribute: Its name there.
        scalars: Its parameters; a zero where it has none, since torch.export can't
            write an empty list of numbers and oneDNN looks at none then.
        algorithm: Which of its variants.
    """

    attribute: str
    scalars: tuple[float, ...] = (0.0,)
    algorithm: str = ""


def _plain(attribute: str) -> Callable[[Mapping[str, Any]], Activation]:
    return lambda _arguments: Activation(attribute)


def _gelu(arguments: Mapping[str, Any]) -> Activation:
    return Activation("gelu", (0.0,), str(arguments.get("approximate", "none")))


def _clamp(low: str, high: str) -> Callable[[Mapping[str, Any]], Activation | None]:
    def made(arguments: Mapping[str, Any]) -> Activation | None:
        ends = (arguments.get(low, -1.0), arguments.get(high, 1.0))
        if not all(isinstance(end, (int, float)) for end in ends):
            return None
        return Activation("hardtanh", (float(ends[0]), float(ends[1])))

    return made


def _leaky_relu(arguments: Mapping[str, Any]) -> Activation:
    return Activation("leaky_relu", (float(arguments.get("negative_slope", 0.01)),))


KNOWN: Mapping[str, Callable[[Mapping[str, Any]], Activation | None]] = {
    "clamp": _clamp("min", "max"),
    "gelu": _gelu,
    "hardswish": _plain("hardswish"),
    "hardtanh": _clamp("min_val", "max_val"),
    "leaky_relu": _leaky_relu,
    "relu": _plain("relu"),
    "relu6": lambda _arguments: Activation("hardtanh", (0.0, 6.0)),
    "sigmoid": _plain("sigmoid"),
    "silu": _plain("swish"),
    "tanh": _plain("tanh"),
}
"""ATen operator → the activation; the names are those of torch's `mkldnn` operators
(`aten/src/ATen/native/mkldnn/Utils.cpp`)."""


def activation(node: fx.Node) -> Activation | None:
    """What the node is as an activation of its input, None if it is none."""
    if not nodes.is_op(node) or not nodes.is_tensor(node):
        return None
    make = KNOWN.get(nodes.operator_name(node))
    return None if make is None else make(dict(nodes.arguments(node)))


def sole_user(node: fx.Node) -> fx.Node | None:
    """The op that alone reads the node's value, if it is its first argument."""
    users = list(node.users)
    if len(users) != 1 or not nodes.is_op(users[0]):
        return None
    reads = users[0].args.count(node), users[0].args[:1] == (node,)
    return users[0] if reads == (1, True) else None
