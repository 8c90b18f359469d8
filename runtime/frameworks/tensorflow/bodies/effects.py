"""Which nodes do something besides making their outputs."""

from __future__ import annotations

from typing import Any

from ..ir.known import CONTROL, RANDOM
from ..ir.protos import op_def
from .bodies import Bodies, callees

READS = """
AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable
AnonymousMutableHashTableOfTensors DisableCopyOnRead HashTable HashTableV2
IsVariableInitialized LookupTableExport LookupTableExportV2 LookupTableFind
LookupTableFindV2 LookupTableSize LookupTableSizeV2 MutableDenseHashTable
MutableDenseHashTableV2 MutableHashTable MutableHashTableOfTensors
MutableHashTableOfTensorsV2 MutableHashTableV2 Placeholder PlaceholderWithDefault
ReadVariableOp RefIdentity ResourceGather ResourceGatherNd VarHandleOp
VarIsInitializedOp Variable VariableShape VariableV2
"""
"""Stateful by TensorFlow's registry, since what they read may be written."""

MARKED = """
CheckNumerics CheckNumericsV2 CudnnRNN CudnnRNNV2 CudnnRNNV3 DeepCopy Empty GuaranteeConst
RandomCrop SampleDistortedBoundingBox SampleDistortedBoundingBoxV2
"""
"""Stateful by the registry, so that nothing merges or removes them."""

HARMLESS = frozenset((READS + MARKED + CONTROL + RANDOM).split())
"""Nothing is lost if such a node doesn't run. An Assert only raises."""


def has_effect(node: Any, bodies: Bodies) -> bool:
    """Whether a node, or a function that it calls, writes state or the like."""
    open_, seen = [node], set()
    while open_:
        each = open_.pop()
        for name in callees(each, bodies):
            if name not in seen:
                seen.add(name)
                open_.extend(bodies[name].nodes.values())
        if _writes(each.op):
            return True
    return False


def _writes(op: str) -> bool:
    known = op_def(op)
    if known is None or op in HARMLESS:
        return False
    return known.is_stateful or any(each.is_ref for each in known.input_arg)
