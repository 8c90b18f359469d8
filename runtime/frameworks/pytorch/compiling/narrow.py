"""Int8 products leave their floats in the precision that the model says.

Inductor has a pattern for what is dequantized to 16 bits by a cast, as autocast writes
it. What is made in 16 bits at once fits the pattern for fp32: the kernel then makes fp32,
in which what reads it computes too, attention above all (seen in torch 2.13). A
convolution's is left so: with a cast, what it adds in place would be lost.
"""

from __future__ import annotations

import torch
from torch import fx

from ..ir import nodes
from ..ir.values.quantized import OUT_DTYPES

PRODUCTS = frozenset({"addmm", "linear", "matmul", "mm"})


def cast_apart(graph: fx.Graph) -> None:
    """Write in place what int8 products take as a dequantize to fp32, and a cast."""
    for node in graph.nodes:
        if not nodes.is_op(node) or nodes.operator_name(node) not in PRODUCTS:
            continue
        for source in node.all_input_nodes:
            for taken in (source, *source.all_input_nodes):
                if nodes.dequantizes(taken):
                    _cast(graph, taken)


def _cast(graph: fx.Graph, taken: fx.Node) -> None:
    named = next((name for name in OUT_DTYPES if name in taken.kwargs), None)
    if named is None or taken.kwargs[named] != torch.bfloat16:
        return
    low = taken.meta["val"]
    others = {k: v for k, v in taken.kwargs.items() if k != named}
    taken.kwargs = others
    taken.meta["val"] = low.float()
    with graph.inserting_after(taken):
        cast = graph.call_function(
            torch.ops.aten._to_copy.default, (taken,), {"dtype": torch.bfloat16}
        )
    cast.meta["val"] = low
    taken.replace_all_uses_with(cast, delete_user_cb=lambda user: user is not cast)
