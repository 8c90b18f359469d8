"""What an int8 linear layer adds to its product is left as it was.

Inductor lets oneDNN's `qlinear_pointwise` add in place ("sum"). What it writes to may be
an input of the caller's, a weight (the next call then adds what this one made), or
memory that another tensor shows: seen in torch 2.13. There it adds to new memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from ..ir import nodes
from ..ir.in_place import makes_new_memory

IN_PLACE, BESIDE = "sum", "add"
"""What torch calls an addition that overwrites, and one that does not."""


def keep_residuals(graph: fx.Graph) -> None:
    """Change in place what would overwrite memory that others see."""
    for node in graph.nodes:
        if node.target not in _layers():
            continue
        added = dict(nodes.arguments(node))["other"]
        if len(added.users) > 1 or not makes_new_memory(added):
            node.args = tuple(_beside(value) for value in node.args)


def _layers() -> tuple[object, ...]:
    layer = torch.ops.onednn.qlinear_pointwise
    return layer.binary, layer.binary_tensor


def _beside(value: Any) -> Any:
    return BESIDE if isinstance(value, str) and value == IN_PLACE else value
