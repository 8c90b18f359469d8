"""Attention as two batched products around a softmax.

On a CPU, PyTorch's fused kernel computes 16-bit attention no faster than fp32 up to a
few hundred tokens; the products alone are twice as fast.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import fx

from ..ir import nodes
from ..ir.prepared import add_constant
from .form import Form, Writer

aten = torch.ops.aten


def attention_forms(graph: fx.Graph) -> Iterator[Form]:
    """Attention over heads (batch, heads, length, size) without dropout."""
    for node in graph.nodes:
        if (
            nodes.is_op(node)
            and node.target is aten.scaled_dot_product_attention.default
        ) and _fits(node):
            yield Form("bmm+softmax+bmm", (node.name,), _write)


def _fits(node: fx.Node) -> bool:
    taken = dict(nodes.arguments(node))
    query, key, value = (taken[name].meta["val"] for name in ("query", "key", "value"))
    mask = taken.get("attn_mask")
    return (
        all(t.dim() == 4 and t.dtype == torch.float32 for t in (query, key, value))
        and query.shape[:2] == key.shape[:2] == value.shape[:2]
        and isinstance(query.shape[1], int)
        and isinstance(query.shape[3], int)
        and not taken.get("dropout_p")
        and not taken.get("enable_gqa")
        and (mask is None or mask.meta["val"].dtype in (torch.bool, torch.float32))
    )


def _write(writer: Writer, replaced: Sequence[fx.Node]) -> fx.Node:
    taken = dict(nodes.arguments(replaced[0]))
    query, key, value = (
        writer.call(aten.flatten.using_ints, taken[name], 0, 1)
        for name in ("query", "key", "value")
    )
    heads, size = taken["query"].meta["val"].shape[1::2]
    scale = taken.get("scale") or 1.0 / math.sqrt(size)
    keys = writer.call(aten.transpose.int, key, 1, 2)
    scores = writer.call(
        aten.baddbmm.default, _zero(writer), query, keys, beta=0, alpha=scale
    )
    if taken.get("is_causal"):
        hidden = _later(writer, scores)
        scores = writer.call(aten.masked_fill.Scalar, scores, hidden, -math.inf)
    mask, seen = taken.get("attn_mask"), None
    if mask is not None:
        bias, seen = _bias(writer, mask)
        scores = writer.call(aten.unflatten.int, scores, 0, [-1, heads])
        scores = writer.call(aten.add.Tensor, scores, bias)
        scores = writer.call(aten.flatten.using_ints, scores, 0, 1)
    weights = writer.call(aten.softmax.int, scores, -1)
    mixed = writer.call(aten.bmm.default, weights, value)
    result = writer.call(aten.unflatten.int, mixed, 0, [-1, heads])
    if seen is None:
        return result
    blind = _boolean(writer.call(aten.logical_not.default, seen))
    return writer.call(aten.masked_fill.Scalar, result, blind, 0.0)


def _bias(writer: Writer, mask: fx.Node) -> tuple[fx.Node, fx.Node]:
    """What a mask adds to the scores, and which of its rows see anything.

    A row that a mask hides altogether gives zeros, as in PyTorch's own kernels: it is
    not hidden here, so that no NaN arises, and its result is overwritten. All this is
    done on the mask, which all heads share.
    """
    open_ = mask
    if mask.meta["val"].dtype != torch.bool:
        open_ = _boolean(writer.call(aten.ne.Scalar, mask, -math.inf))
    seen = _boolean(writer.call(aten.any.dim, open_, -1, True))
    blind = _boolean(writer.call(aten.logical_not.default, seen))
    if open_ is not mask:
        return writer.call(aten.masked_fill.Scalar, mask, blind, 0.0), seen
    shown = _boolean(writer.call(aten.logical_or.default, mask, blind))
    hidden = _boolean(writer.call(aten.logical_not.default, shown))
    zeros = writer.call(aten.expand_as.default, _zero(writer), mask)
    return writer.call(aten.masked_fill.Scalar, zeros, hidden, -math.inf), seen


def _later(writer: Writer, scores: fx.Node) -> fx.Node:
    """Which (query, key) pairs of one head look ahead."""
    head = writer.call(aten.select.int, scores, 0, 0)
    every = _boolean(writer.call(aten.ones_like.default, head, dtype=torch.bool))
    return _boolean(writer.call(aten.triu.default, every, 1))


def _boolean(node: fx.Node) -> fx.Node:
    node.meta["val"] = torch.empty((), dtype=torch.bool)
    return node


def _zero(writer: Writer) -> fx.Node:
    """A zero that takes the precision of the op that reads it."""
    zero = torch.zeros(())
    return add_constant(writer.module, "attention_zero", zero, writer.before)
