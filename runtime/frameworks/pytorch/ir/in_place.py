"""Give in-place ops their functional twins where nothing else sees the memory.

torch.export's own functionalisation rewrites the whole graph (`reshape` becomes `view`,
`chunk` becomes `split`), so that one `relu_` would rename ops everywhere.
"""

from __future__ import annotations

import torch
from torch import fx
from torch._C import DispatchKey
from torch._ops import OpOverload

from ...listing import listed
from . import nodes

NEW_MEMORY = listed(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d batch_norm conv1d
    conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d group_norm
    instance_norm layer_norm linear log_softmax matmul max_pool1d max_pool2d
    max_pool3d relu6 scaled_dot_product_attention softmax square std var
    """
)
"""Composite operators whose output never shares memory with an input.

Schemas say so of all others; of composites they need not (`dropout`, `einsum`).
"""


def replace_in_place_ops(module: fx.GraphModule) -> None:
    """Replace each in-place op on memory that only its own tensor shows."""
    graph = module.graph
    position = {node: k for k, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        twin = _twin(node) if nodes.mutates(node) else None
        written = node.args[0] if node.args else None
        if twin is None or not isinstance(written, fx.Node):
            continue
        earlier = [user for user in written.users if position[user] < position[node]]
        if not all(map(makes_new_memory, [written, *earlier])):
            continue
        with graph.inserting_before(node):
            new = graph.call_function(twin, node.args, node.kwargs)
        new.meta = dict(node.meta)
        position[new] = position[node]
        for user in list(written.users):
            if position[user] > position[node]:
                user.replace_input_with(written, new)
        node.replace_all_uses_with(new)
        graph.erase_node(node)
    module.recompile()


def _twin(node: fx.Node) -> OpOverload | None:
    """`aten.relu` for `aten.relu_`, if it returns what the in-place op leaves behind."""
    assert isinstance(node.target, OpOverload)
    schema = node.target._schema
    written = [
        a.alias_info is not None and a.alias_info.is_write for a in schema.arguments
    ]
    space, name = schema.name.split("::")
    if not name.endswith("_") or written != [True] + [False] * (len(written) - 1):
        return None
    packet = getattr(getattr(torch.ops, space), name.removesuffix("_"), None)
    twin = getattr(packet, schema.overload_name or "default", None)
    # In place, the result keeps its dtype; the twin would promote.
    dtypes = {n.meta["val"].dtype for n in node.all_input_nodes if _has_elements(n)}
    return twin if isinstance(twin, OpOverload) and len(dtypes) <= 1 else None


def _has_elements(node: fx.Node) -> bool:
    return nodes.is_tensor(node) and node.meta["val"].dtype != torch.bool


def makes_new_memory(node: fx.Node) -> bool:
    """Whether what the node stands for surely shares no memory with its arguments."""
    maker = node.args[0] if nodes.is_getitem(node) else node
    if not isinstance(maker, fx.Node) or not isinstance(maker.target, OpOverload):
        return False
    schema = maker.target._schema
    if schema.name.startswith("aten::sym_"):
        return True
    composite = maker.target.has_kernel_for_dispatch_key(
        DispatchKey.CompositeImplicitAutograd
    )
    known = not composite or nodes.operator_name(maker) in NEW_MEMORY
    return known and not any(value.alias_info for value in schema.returns)
