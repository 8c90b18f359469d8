"""The last floats before the outputs: what an error is measured on."""

from __future__ import annotations

from collections.abc import Iterator

import onnx_ir as ir

from ..ir.plain import bodies
from ..running.interpreter import captured


def showing_tails(model: ir.Model) -> ir.Model:
    """A copy that returns its float outputs, and the last floats that feed the others.

    An index that argmax returns says little of how far its scores are off.
    """
    copy = model.clone()
    shown: dict[ir.Value, None] = {}
    for value in copy.graph.outputs:
        shown.update(dict.fromkeys(_floats_behind(value)))
    copy.graph.outputs[:] = list(shown)
    return copy


def _floats_behind(value: ir.Value) -> Iterator[ir.Value]:
    waiting, seen = [value], {value}
    while waiting:
        each = waiting.pop()
        node = each.producer()
        if each.dtype == ir.DataType.FLOAT and (node is not None or each is value):
            yield each
            continue
        taken = [] if node is None else [v for v in node.inputs if v is not None]
        for _, body in bodies(node) if node is not None else ():
            taken += captured(body)
        waiting += [v for v in taken if v not in seen]
        seen.update(taken)
