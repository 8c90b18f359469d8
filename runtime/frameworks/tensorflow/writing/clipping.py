"""Keeping fp32 values within a 16-bit format's range before they are cast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ....graph.formats import LIMITS
from ....graph.graph import Precision
from ..ir.protos import NodeDef
from ..ir.schemas import FLOAT
from ..ir.weights import constant

PARTS = ("/least", "/most", "/infinite", "/clipped", "")
"""What the nodes' names end in; the last is the result's."""


def within(source: str, precision: Precision, names: Mapping[str, str]) -> list[Any]:
    """Nodes that make of a fp32 tensor one whose finite values are in range.

    Infinities stay: the model has them on purpose.

    Args:
        names: Of the nodes, by `PARTS`.
    """
    end = np.float32(LIMITS[precision].largest)
    bounds = {"/least": -end, "/most": end}
    made = [constant(names[part], value) for part, value in bounds.items()]
    for part, op, taken in (
        ("/infinite", "IsInf", [source]),
        ("/clipped", "ClipByValue", [source, names["/least"], names["/most"]]),
        ("", "SelectV2", [names["/infinite"], source, names["/clipped"]]),
    ):
        node = NodeDef(name=names[part], op=op, input=taken)
        node.attr["T"].type = FLOAT
        made.append(node)
    return made
