"""Which opset a model must be written in so that its ops may take a precision."""

from __future__ import annotations

from functools import cache

import onnx
import onnx_ir as ir
from onnx.defs import OpSchema

from ....graph.graph import Precision
from ..ir.quantized.parts import Parts
from ..ir.schemas import STRINGS

NEWEST = 22
"""The opset up to which models are upgraded: the first in which convolutions, pools and
recurrent layers take bfloat16, and one that all runtimes read."""

SUCCESSORS = {"Upsample": "Resize", "Scatter": "ScatterElements"}
"""Ops that an upgrade replaces → by what."""

BORDERS = frozenset(["If", "Loop", "Scan", "QuantizeLinear", "DequantizeLinear"])
"""Ops that stay in fp32 whatever their schemas allow."""


NOTHING = Parts()
"""Of a model that is not quantized."""


def own_opset(model: ir.Model) -> int:
    """The version of ONNX's own operators in a model."""
    return int(model.opset_imports.get("", 1))


def needed(
    model: ir.Model, low: Precision, newest: int = NEWEST, known: Parts = NOTHING
) -> int:
    """The smallest opset, from the model's own up, in which all ops take `low` that
    do so in `newest`, but for those whose floats stay fp32.

    Args:
        known: What is quantized of it.
    """
    current = own_opset(model)
    wanted = [current]
    if low is Precision.BF16:
        wanted.append(min(newest, since("Cast", low)))
    for graph in model.graphs():
        for node in graph:
            fixed = node.op_type in BORDERS and node not in known.weights
            if node.domain or fixed or node in known.held or not _holds_floats(node):
                continue
            first = since(SUCCESSORS.get(node.op_type, node.op_type), low)
            if current < first <= newest:
                wanted.append(first)
    return max(wanted)


@cache
def since(op_type: str, low: Precision) -> int:
    """The first opset whose schema lets an op compute in `low`; a huge one if none."""
    return next(
        (
            v
            for v, schema in sorted(_schemas().get(op_type, {}).items())
            if _takes(schema, low)
        ),
        1 << 30,
    )


def _takes(schema: OpSchema, low: Precision) -> bool:
    """Whether what the op computes, as its first output or else input says, may be low."""
    if schema.deprecated:
        return False
    variables = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    for formal in (*schema.outputs[:1], *schema.inputs[:1]):
        types = variables.get(formal.type_str, [formal.type_str])
        if STRINGS[Precision.FP32] in types:
            return STRINGS[low] in types
    return False


@cache
def _schemas() -> dict[str, dict[int, OpSchema]]:
    found: dict[str, dict[int, OpSchema]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "":
            found.setdefault(schema.name, {})[schema.since_version] = schema
    return found


def _holds_floats(node: ir.Node) -> bool:
    """Whether the node takes or makes fp32, or may do."""
    values = [value for value in (*node.inputs, *node.outputs) if value is not None]
    return any(value.dtype in (None, ir.DataType.FLOAT) for value in values)
