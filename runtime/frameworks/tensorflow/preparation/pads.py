"""Padding of zeros as part of the convolution that reads it, which then reads once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bodies.bodies import Body, rewired
from ..bodies.editing import takers
from ..ir.naming import parsed
from ..ir.weights import value_of
from .affine import layout
from .draft import Draft

CONVOLUTIONS = frozenset({"Conv2D"})
"""Ops with `explicit_paddings` whose fused kernels take them: depthwise ones abort."""


def fold_pads(draft: Draft, body: Body) -> None:
    """Have convolutions without padding of their own pad as the Pad before did."""
    taken = takers(body)
    for name, node in list(body.nodes.items()):
        if node.op not in CONVOLUTIONS or node.attr["padding"].s != b"VALID":
            continue
        pad = body.nodes.get(node.input[0])
        if pad is None or pad.op != "Pad" or taken.get(pad.name) != [name]:
            continue
        sizes = _spatial(body, pad, node)
        if sizes is None or any(each.startswith("^") for each in pad.input):
            continue
        folded = rewired(node, [pad.input[0], *node.input[1:]])
        folded.attr["padding"].s = b"EXPLICIT"
        folded.attr["explicit_paddings"].list.i[:] = sizes
        body.nodes[name] = folded
        draft.absorb(body, name, pad.name)
        del body.nodes[pad.name]


def _spatial(body: Body, pad: Any, node: Any) -> list[int] | None:
    """Before and after each dimension; None if it is not height and width alone."""
    made = body.nodes.get(parsed(pad.input[1])[0])
    if made is None or made.op != "Const":
        return None
    sizes = value_of(made).astype(np.int64)
    if sizes.shape != (4, 2) or (sizes < 0).any():
        return None
    others = [0, 3] if layout(node) == b"NHWC" else [0, 1]
    if sizes[others].any():
        return None
    return [int(size) for size in sizes.reshape(-1)]
