"""Padding becomes part of the layer that takes it: `Pad` has no kernel in 16 bits.

Importers from ONNX write it before convolutions and pools, since MXNet's own padding is
the same on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..ir.arrays import Values
from ..ir.network import Network, Node, numbers
from ..ir.rebuilding import Rebuilding
from .absorbed import Names
from .identities import PADS
from .norms import CHANNELS_FIRST, CONVOLUTIONS

POOLS = ("Pooling", "_npx_pooling")
LARGEST_GROWTH = 2.25
"""Of a kernel that gets zeros so that padding is the same on both sides: 2×2 to 3×3."""

LOWEST = float(np.finfo(np.float32).min)

Sides = tuple[int, int]
"""How much is padded before and after an axis."""


@dataclass(frozen=True)
class Padding:
    """A `Pad` of the spatial axes.

    Attributes:
        index: The node's.
        sides: Of each spatial axis.
        mode: "constant", "edge" or "reflect".
        value: What "constant" is.
    """

    index: int
    sides: tuple[Sides, ...]
    mode: str
    value: float


@dataclass(frozen=True)
class _Layer:
    """What takes the place of a layer behind a padding."""

    attrs: Mapping[str, str]
    weight: Values | None = None


def fold_padding(network: Network, ledger: Names) -> Network:
    """Give layers what is padded before them."""
    copy = Rebuilding(network)
    for index, node in enumerate(network.nodes):
        padding = _before(network, node)
        layer = padding and _layer(network, node, padding)
        if padding and layer:
            _write(copy, index, padding, layer)
            ledger.absorb(node.name, network.nodes[padding.index].name)
        else:
            copy.copy(index)
    return copy.finish()


def _write(copy: Rebuilding, index: int, padding: Padding, layer: _Layer) -> None:
    node = copy.network.nodes[index]
    padded = copy.network.nodes[padding.index].inputs[0]
    inputs = [copy.entries[padded], *copy.mapped(node.inputs[1:])]
    if layer.weight is not None:
        source = node.inputs[1][0]
        name = copy.network.nodes[source].name
        if len(copy.network.readers[source]) == 1:
            copy.names.discard(name)
        inputs[1] = copy.add_parameter(name, layer.weight), 0
    made = copy.add(replace(node, attrs=layer.attrs, inputs=tuple(inputs)))
    for k in range(node.outputs):
        copy.entries[index, k] = made, k


def _before(network: Network, node: Node) -> Padding | None:
    """The padding that makes a layer's input, if it is of spatial axes alone."""
    if node.op not in (*CONVOLUTIONS, *POOLS):
        return None
    index = node.inputs[0][0]
    pad = network.nodes[index]
    widths = _numbers(pad, "pad_width")
    if pad.op not in PADS or any(widths[:4]):
        return None
    if node.attrs.get("layout", "None") not in CHANNELS_FIRST:
        return None
    return Padding(
        index,
        tuple(zip(widths[4::2], widths[5::2], strict=True)),
        pad.attrs.get("mode", "constant"),
        float(pad.attrs.get("constant_value", "0")),
    )


def _layer(network: Network, node: Node, padding: Padding) -> _Layer | None:
    if len(_numbers(node, "kernel")) != len(padding.sides):
        return None
    if node.op in CONVOLUTIONS:
        return _convolution(network, node, padding)
    return _pool(network, node, padding)


def _convolution(network: Network, node: Node, padding: Padding) -> _Layer | None:
    """Padded alike on both sides; where that is more, zeros of the kernel meet it."""
    if padding.mode != "constant" or padding.value:
        return None
    own = _of_axes(node, "pad", padding, 0)
    pad = [p + max(sides) for p, sides in zip(own, padding.sides, strict=True)]
    attrs = {**node.attrs, "pad": _text(pad)}
    if all(before == after for before, after in padding.sides):
        return _Layer(attrs)
    weight = _with_zeros(network, node, padding)
    if weight is None:
        return None
    return _Layer({**attrs, "kernel": _text(weight.shape[2:])}, weight)


def _with_zeros(network: Network, node: Node, padding: Padding) -> Values | None:
    """The weight with zeros where the other side has more padding."""
    source, _output = node.inputs[1]
    if not network.constant(source):
        return None
    weight = network.parameters[network.nodes[source].name]
    more: list[Sides] = []
    for (before, after), step in zip(
        padding.sides, _of_axes(node, "dilate", padding, 1), strict=True
    ):
        if (after - before) % step:
            return None
        lacking = (after - before) // step
        more.append((max(lacking, 0), max(-lacking, 0)))
    grown = [k + sum(each) for k, each in zip(weight.shape[2:], more, strict=True)]
    if prod(grown) > LARGEST_GROWTH * prod(weight.shape[2:]):
        return None
    return np.pad(weight, [(0, 0), (0, 0), *more])


def _pool(network: Network, node: Node, padding: Padding) -> _Layer | None:
    kernel = _numbers(node, "kernel")
    own = _of_axes(node, "pad", padding, 0)
    pad = [p + before for p, (before, _after) in zip(own, padding.sides, strict=True)]
    if (
        any(before != after for before, after in padding.sides)
        or node.flag("global_pool")
        or node.attrs.get("pooling_convention", "valid") != "valid"
        or any(p >= k for p, k in zip(pad, kernel, strict=True))
    ):
        return None
    attrs = {**node.attrs, "pad": _text(pad)}
    kind = node.attrs.get("pool_type", "max")
    if kind == "max":
        return _Layer(attrs) if _below_maximum(network, padding, any(own)) else None
    if padding.mode != "constant" or padding.value:
        return None
    if any(own) and not node.flag("count_include_pad", default=True):
        return None
    return _Layer({**attrs, "count_include_pad": "True"} if kind == "avg" else attrs)


def _below_maximum(network: Network, padding: Padding, more: bool) -> bool:
    """Whether no padded value is larger than what a window has of the input's own.

    Args:
        more: The pool pads too, so that a window may have nothing but padding.
    """
    if more:
        return False
    if padding.mode == "edge":
        return True
    if padding.mode != "constant":
        return False
    lowest = _lowest(network.nodes[network.nodes[padding.index].inputs[0][0]])
    return padding.value <= lowest


def _lowest(node: Node) -> float:
    """What the node's values never fall below."""
    if node.op == "clip":
        return float(node.attrs["a_min"])
    name = node.attrs.get("act_type", "") if node.op == "Activation" else node.op
    return 0.0 if name in ("relu", "_npx_relu", "sigmoid", "abs", "softmax") else LOWEST


def _of_axes(node: Node, name: str, padding: Padding, default: int) -> Sequence[int]:
    return _numbers(node, name) or [default] * len(padding.sides)


def _numbers(node: Node, name: str) -> list[int]:
    return numbers(node.attrs.get(name, ""))


def _text(sizes: Sequence[int]) -> str:
    return str(tuple(int(size) for size in sizes))
