"""What every picture of a model holds to: which of its ops may be low at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..graph.graph import Kind, Slot, Tensor


def settled(
    kind: Kind,
    slots: Iterable[Slot],
    outputs: Sequence[str],
    tensors: Mapping[str, Tensor],
) -> tuple[Kind, tuple[Slot, ...]]:
    """An op's kind and slots: it is fixed if no float that it takes or makes follows.

    Args:
        kind: The operator's.
        slots: Castable where the operator takes its precision.
        outputs: Names of the tensors that the op makes.
    """
    slots = tuple(slots)
    takes = any(s.castable and tensors[str(s.tensor)].floating for s in slots)
    makes = any(tensors[name].floating for name in outputs)
    if kind is not Kind.FIXED and takes and makes:
        return kind, slots
    return Kind.FIXED, tuple(replace(slot, castable=False) for slot in slots)
