"""Convolution weights in oneDNN's blocked layout, for batches of any size.

Inductor packs linear weights for every batch size, and those of convolutions only where
all sizes are fixed: else each call reorders the weights (ResNet-50, batch 8: 7 % of its
time). The layout that oneDNN wants hardly depends on the batch, and a weight that is
packed otherwise is reordered as before, so the traced batch decides.
"""

from __future__ import annotations

import torch
from torch import fx
from torch.fx.experimental.symbolic_shapes import optimization_hint

from ..ir.prepared import constant


def pack_convolutions(graph: fx.Graph) -> None:
    """Pack in place whatever inductor left plain and this may pack."""
    convolution = torch.ops.mkldnn._convolution_pointwise.default
    nodes = graph.find_nodes(op="call_function", target=convolution)
    for k, node in enumerate(nodes):
        image, weight = node.args[:2]
        assert isinstance(image, fx.Node) and isinstance(weight, fx.Node)
        if _is_plain(graph, weight) and _is_laid_out_alike(image.meta["val"]):
            node.update_arg(1, _packed(graph, node, f"_packed_weight_{k}"))


def _is_plain(graph: fx.Graph, weight: fx.Node) -> bool:
    if weight.op != "get_attr":
        return False
    value = _value(graph, weight)
    return not value.is_mkldnn and value.dim() == 4


def _is_laid_out_alike(image: torch.Tensor) -> bool:
    """Whether inductor takes the output for channels-last, as a packed weight makes it.

    With one channel, or one pixel, an image is contiguous as well, and inductor then
    counts on a contiguous output (`_prepare_convolution_fusion_create`).
    """
    _batch, channels, height, width = image.shape
    return (
        isinstance(height, int)
        and isinstance(width, int)
        and channels > 1
        and height * width > 1
    )


def _packed(graph: fx.Graph, node: fx.Node, name: str) -> fx.Node:
    image, weight, _bias, padding, stride, dilation, groups, *_rest = node.args
    assert isinstance(image, fx.Node) and isinstance(weight, fx.Node)
    sizes = [optimization_hint(size) for size in image.meta["val"].shape]
    with torch.utils._python_dispatch._disable_current_modes():
        packed = torch.ops.mkldnn._reorder_convolution_weight(
            _value(graph, weight), padding, stride, dilation, groups, sizes
        )
    _owner(graph).register_buffer(name, packed)
    with graph.inserting_before(node):
        made = graph.get_attr(name)
    made.meta.update(weight.meta)
    return made


def _value(graph: fx.Graph, weight: fx.Node) -> torch.Tensor:
    return constant(_owner(graph), weight)


def _owner(graph: fx.Graph) -> fx.GraphModule:
    owner = graph.owning_module
    assert isinstance(owner, fx.GraphModule)
    return owner
