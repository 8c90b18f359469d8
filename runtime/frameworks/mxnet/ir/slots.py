"""Which inputs of an operator take its precision."""

from __future__ import annotations

from ...listing import listed
from .network import LOSSES, Node

NORMS = "BatchNorm _contrib_BatchNormWithReLU _contrib_SyncBatchNorm _npx_batch_norm"
CHOOSING = "Embedding _contrib_SparseEmbedding _npi_where _npx_embedding where"
PLACES = """
ROIPooling SequenceLast SequenceMask SequenceReverse _contrib_ROIAlign
_contrib_boolean_mask _contrib_index_copy _identity_with_attr_like_rhs _npi_take
_npx_gather_nd _npx_pick _npx_sequence_mask batch_take broadcast_like gather_nd pick
reshape_like scatter_nd slice_like take
"""
FIXED_SLOTS = {
    # oneDNN takes fp32 statistics beside a 16-bit input, and rounding them once would
    # move every activation of the channel by the same amount.
    **dict.fromkeys(listed(NORMS), frozenset({1, 2, 3, 4})),
    **dict.fromkeys(listed(CHOOSING), frozenset({0})),
    **dict.fromkeys(listed(PLACES), frozenset({1})),
    **dict.fromkeys(("CTCLoss", "ctc_loss"), frozenset({1, 2, 3})),
}
"""Operator → slots whose dtype does not follow the op's precision."""


def castable(node: Node, slot: int) -> bool:
    """Whether the slot takes the op's precision."""
    if node.op in LOSSES and slot == 1:
        return False
    if node.op == "RNN" and node.flag("use_sequence_length"):
        lstm = node.attrs.get("mode") == "lstm"
        return slot != (4 if lstm else 3)
    return slot not in FIXED_SLOTS.get(node.op, ())
