"""A ModelProto before it is read: all its parts, and what may be written in several ways."""

from __future__ import annotations

import onnx

from . import dense, returned, sizes, sorting

__all__ = ["normalise"]


def normalise(proto: onnx.ModelProto) -> None:
    """Write a model, in place, as all that follows expects it; it computes the same.

    Nodes stand behind what they read, sparse tensors are dense, a size that varies is no
    number, and a graph makes what it returns.

    Raises:
        Damaged: A sparse tensor is not what it says.
    """
    dense.make_dense(proto)
    sorting.sort_nodes(proto)
    sizes.open_sizes(proto)
    returned.copy_returned(proto)
