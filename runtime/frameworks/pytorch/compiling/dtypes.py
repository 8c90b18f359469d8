"""Int8 kernels leave their floats in the precision that the model says.

Inductor's pattern for fp32 fits what is dequantized to 16 bits as well, and comes first:
its kernel then makes fp32, in which what reads it computes too, attention above all
(seen in torch 2.13).
"""

from __future__ import annotations

import torch
from torch import fx

from ..ir import nodes

SPACE = "onednn."
MADE = "output_dtype"
LOW = (torch.bfloat16,)
"""What kernels make besides fp32 and integers."""


def keep_dtypes(graph: fx.Graph) -> None:
    """Let kernels make in place what the graph says that they make."""
    for node in graph.nodes:
        if not nodes.is_op(node) or not nodes.operator_name(node).startswith(SPACE):
            continue
        names = [name for name, _value in nodes.arguments(node)]
        if MADE not in names or not nodes.is_tensor(node):
            continue
        place, dtype = names.index(MADE), node.meta["val"].dtype
        if node.args[place] == torch.float32 and dtype in LOW:
            node.update_arg(place, dtype)
