"""What preparation hands on: the fp32 model that is converted, and what became of ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ...absorbed import Absorbed, Told


@dataclass(frozen=True)
class Prepared:
    """An fp32 model that computes what the loaded one does, and may be converted.

    Attributes:
        model: Its opset has the low precision. `inline.py` came first: no functions, and
            no inputs that are initializers too. The loaded model is not changed by it,
            tensors are shared.
        told: Where the names of all ops went. An op's id is its first output's name: it
            makes what that value of the loaded model was.
        notes: What the report should say (an upgraded opset), a sentence each.
    """

    model: ir.Model
    told: Told = field(default_factory=Told)
    notes: tuple[str, ...] = ()

    @property
    def absorbed(self) -> Mapping[str, tuple[Absorbed, ...]]:
        """Op id → the ops that are part of it, in the order they ran."""
        return self.told.absorbed

    @property
    def makes(self) -> Mapping[str, str]:
        """Op id → name of the value as loaded that it makes now, if not its own."""
        return self.told.makes
