"""What is quantized, in the form that the runtime computes in int8, or computes at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import onnx_ir as ir

from .....graph.graph import Precision
from ...ir.quantized.integers import ALL
from ...ir.quantized.kernels import Int8
from ...ir.rewriting.editing import Editor
from ...ir.rewriting.qdq import write_qdq
from ..absorbed import Names
from .integer_products import OPERATORS, write_products
from .signed_weights import sign_weights


def spell_quantized(
    model: ir.Model, editor: Editor, ledger: Names, int8: Int8, low: Precision
) -> tuple[str, ...]:
    """Write quantized ops anew, in place, where the runtime wants another form.

    Returns:
        What was written and what stays, a sentence each.
    """
    before, notes = set(editor.added), []
    written = write_qdq(model, editor, int8.integers)
    if written:
        notes.append(
            f"{_listed(written)} written as floats between DequantizeLinear and "
            "QuantizeLinear, of which int8 kernels are made"
        )
    if ir.DataType.UINT8 not in int8.weights:
        signed = sign_weights(model, editor)
        if signed:
            notes.append(
                f"{signed} unsigned weights written as signed ones: int8 kernels take these"
            )
    if low is Precision.BF16 and not int8.integers >= OPERATORS:
        products = write_products(model, editor, ledger)
        if products:
            notes.append(
                f"{products} products of dynamic quantization written as products of "
                "floats, which hold the same whole numbers: the runtime has no int8 "
                "kernel for them"
            )
    for new, old in editor.added.items():
        if new not in before:
            ledger.absorb(new, old)
    left = Counter(
        node.op_type
        for node in model.graph.all_nodes()
        if node.op_type in ALL - int8.integers
    )
    if left:
        notes.append(f"{_listed(left)} left as they are: not in int8 there")
    return tuple(notes)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
