"""What preparation hands on: the fp32 model that is converted, and what became of ops."""

from __future__ import annotations

from dataclasses import dataclass, field

import onnx_ir as ir

from ...absorbed import Told


@dataclass(frozen=True)
class Prepared:
    """An fp32 model that computes what the loaded one does, and may be converted.

    Attributes:
        model: Its opset has the low precision. `inline.py` came first: no functions.
            The loaded model is not changed by it, tensors are shared.
        told: Where the names of all ops went. An op's id is its first output's name: it
            makes what that value of the loaded model was.
        notes: What the report should say (an upgraded opset), a sentence each.
    """

    model: ir.Model
    told: Told = field(default_factory=Told)
    notes: tuple[str, ...] = ()
