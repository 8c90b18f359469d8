"""Numbers among an operator's attributes, kept within the range of a 16-bit format.

A mask of the lowest fp32 is beyond bfloat16's range: rounded, it is infinite, and a row
that is masked throughout becomes NaN.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....graph.formats import LIMITS
from ....graph.graph import Precision
from ...listing import listed
from .network import Node
from .operators import COMPARISONS

SCALARS = listed(
    """
    a a_max a_min alpha b c constant_value fill_value initial lstm_state_clip_max
    lstm_state_clip_min neginf off_value on_value posinf scalar slope to_begin_scalar
    to_end_scalar val value x y
    """
)
"""Attributes that are values, not sizes."""

LARGEST = float(np.finfo(np.float32).max)


def fitting(node: Node, precision: Precision) -> Node:
    """The node with what is finite in fp32 finite in `precision`.

    Numbers to compare with stay, and so do infinities.
    """
    if precision is Precision.FP32 or any(part in node.op for part in COMPARISONS):
        return node
    largest = LIMITS[precision].largest
    changed = {
        name: repr(max(-largest, min(largest, number)))
        for name, number in _numbers(node).items()
        if largest < abs(number) <= LARGEST
    }
    return replace(node, attrs={**node.attrs, **changed}) if changed else node


def _numbers(node: Node) -> dict[str, float]:
    found = {}
    for name in SCALARS & node.attrs.keys():
        try:
            found[name] = float(node.attrs[name])
        except ValueError:  # "None"
            continue
    return found
