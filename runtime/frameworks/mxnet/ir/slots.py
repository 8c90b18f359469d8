"""Which inputs of an operator take its precision."""

from __future__ import annotations

from .network import LOSSES, Node

FIXED_SLOTS = {
    # oneDNN takes fp32 statistics beside a 16-bit input, and rounding them once would
    # move every activation of the channel by the same amount.
    "BatchNorm": {1, 2, 3, 4},
    "_contrib_BatchNormWithReLU": {1, 2, 3, 4},
    "_contrib_SyncBatchNorm": {1, 2, 3, 4},
    "_npx_batch_norm": {1, 2, 3, 4},
    "Embedding": {0},
    "_npx_embedding": {0},
    "_contrib_SparseEmbedding": {0},
    "take": {1},
    "_npi_take": {1},
    "batch_take": {1},
    "pick": {1},
    "_npx_pick": {1},
    "gather_nd": {1},
    "_npx_gather_nd": {1},
    "scatter_nd": {1},
    "where": {0},
    "_npi_where": {0},
    "SequenceLast": {1},
    "SequenceMask": {1},
    "_npx_sequence_mask": {1},
    "SequenceReverse": {1},
    "ROIPooling": {1},
    "_contrib_ROIAlign": {1},
    "_contrib_boolean_mask": {1},
    "_contrib_index_copy": {1},
    "broadcast_like": {1},
    "reshape_like": {1},
    "slice_like": {1},
    "_identity_with_attr_like_rhs": {1},
    "CTCLoss": {1, 2, 3},
    "ctc_loss": {1, 2, 3},
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
