"""Which nodes of a symbol compute in int8, as MXNet's own quantizing leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....listing import listed

FUSED = frozenset({"_sg_mkldnn_conv", "_sg_mkldnn_fully_connected"})
"""What oneDNN fuses around one contraction: in floats, or with `quantized` in int8."""

CONVERTS = listed(
    """
    _contrib_dequantize _contrib_quantize _contrib_quantize_asym _contrib_quantize_v2
    _contrib_requantize
    """
)
"""From floats to integers, back, and between integers."""

INTEGER = "_contrib_quantized_"
"""How the names of operators on integers begin."""

YES = ("True", "1", "true")


def on_integers(op: str, attrs: Mapping[str, str]) -> bool:
    """Whether an operator computes in int8."""
    if op in FUSED:
        return attrs.get("quantized") in YES
    return op.startswith(INTEGER)


def holds_integers(op: str, attrs: Mapping[str, str]) -> bool:
    """Whether it takes or makes integers that stand for floats: its dtypes are its own."""
    return op in CONVERTS or on_integers(op, attrs)


def ends(op: str, attrs: Mapping[str, str]) -> int:
    """How many inputs of a fused node say ranges: they follow the others."""
    if attrs.get("quantized") not in YES:
        return 0
    if op == "_sg_mkldnn_conv":
        return 4 if attrs.get("with_sum") in YES else 2
    if attrs.get("channel_wise_quantize") in YES:
        return 2
    return 4 if attrs.get("no_bias") in YES else 6


def fits(node: Mapping[str, Any]) -> bool:
    """Whether a fused node of a symbol's JSON has one body and all inputs that it needs.

    MXNet counts neither.
    """
    bodies = node.get("subgraphs", [])
    if len(bodies) != 1:
        return False
    own = bodies[0]["nodes"]
    attrs = node.get("attrs", node.get("attr", node.get("param", {})))
    variables = [each for each in own if each["op"] == "null"]
    contracting = [
        each for each in own if each["op"] in ("Convolution", "FullyConnected")
    ]
    if len(contracting) != 1 or len(bodies[0]["heads"]) != 1:
        return False
    inner = contracting[0].get("attrs", {})
    wanted = len(variables) + ends(
        node["op"], {**attrs, "no_bias": inner.get("no_bias", "")}
    )
    return len(node["inputs"]) == wanted
