"""The parts of a quantized model: what computes in int8, what is held, what is left."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .....graph.formats import LIMITS
from .....graph.graph import Precision
from ..naming import constant
from .between import DEQUANTIZES, QUANTIZES, between, is_, rounded
from .kernels import Int8, int8_ops


@dataclass(frozen=True)
class Parts:
    """Nodes of a model, in bodies too.

    Attributes:
        int8: Those that compute in int8.
        between: Those that are part of int8 kernels.
        rounded: Contractions in floats that a cast would only slow down.
        weights: Those that dequantize a weight for ops that compute in floats: they make
            it in the precision that these take it in.
    """

    int8: Set[ir.Node] = frozenset()
    between: Set[ir.Node] = frozenset()
    rounded: Set[ir.Node] = frozenset()
    weights: Set[ir.Node] = frozenset()

    @property
    def held(self) -> Set[ir.Node]:
        """Those whose floats stay fp32."""
        return self.int8 | self.between


def parts(model: ir.Model, int8: Int8) -> Parts:
    """What a runtime makes of a model."""
    quantized = int8_ops(model, int8)
    inside = between(model, quantized)
    weights = (
        node
        for node in model.graph.all_nodes()
        if is_(node, DEQUANTIZES) and _is_weight(node, quantized | inside)
    )
    return Parts(quantized, inside, rounded(model, quantized), frozenset(weights))


def coarse(node: ir.Node, low: Precision) -> bool:
    """Whether a weight's scale is so small that a format holds it with fewer bits."""
    scale = node.inputs[1] if is_(node, DEQUANTIZES) else None
    tensor = None if scale is None else constant(scale)
    if tensor is None:
        return False
    normal = LIMITS[low].flush * LIMITS[low].whole
    return bool(np.any(np.abs(tensor.numpy().astype(np.float32)) < normal))


def _is_weight(node: ir.Node, held: Set[ir.Node]) -> bool:
    """Whether the node dequantizes what is stored, for ops that may be low alone."""
    stored, (made,) = node.inputs[0], node.outputs
    readers = [reader for reader, _ in made.uses()]
    return (
        stored is not None
        and constant(stored) is not None
        and not made.is_graph_output()
        and not any(each in held or is_(each, QUANTIZES) for each in readers)
    )
