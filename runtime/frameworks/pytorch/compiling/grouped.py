"""The ReLU behind a grouped convolution's sum is no part of the convolution.

oneDNN does not add what a grouped convolution is to add: ATen adds it afterwards, by an
addition with a ReLU that it has in fp32 alone ("Unsupported datatype for add_relu: c10::
BFloat16", seen in torch 2.13). Inductor takes a ReLU for a part, and a maximum with 0,
which is the same, for an op of its own.
"""

from __future__ import annotations

import torch
from torch import fx

from ..ir import nodes


def relu_apart(graph: fx.Graph) -> None:
    """Write in place the ReLUs of such sums as what is not taken for one."""
    aten = torch.ops.aten
    for node in graph.nodes:
        if node.target is not aten.relu.default:
            continue
        (added,) = node.all_input_nodes
        if added.target is aten.add.Tensor and any(
            map(_grouped, added.all_input_nodes)
        ):
            node.target, node.args = aten.clamp_min.default, (added, 0)


def _grouped(node: fx.Node) -> bool:
    """Whether it is a grouped convolution in 16 bits."""
    if node.target is not torch.ops.mkldnn._convolution_pointwise.default:
        return False
    made: torch.Tensor = node.meta["val"]
    groups: int = dict(nodes.arguments(node))["groups"]
    return groups > 1 and made.dtype is not torch.float32
