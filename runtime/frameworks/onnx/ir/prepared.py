"""What preparation hands on: the fp32 model that is converted, and what became of ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir


@dataclass(frozen=True, slots=True)
class Absorbed:
    """An op of the model as loaded that preparation folded into another.

    Attributes:
        id: As it would be the op's: its first output's name, in bodies after the
            region's (`naming.py`).
        type: Operator type ("BatchNormalization").
        scope: The node's name, "" if it had none.
    """

    id: str
    type: str
    scope: str = ""


@dataclass(frozen=True)
class Prepared:
    """An fp32 model that computes what the loaded one does, and may be converted.

    Attributes:
        model: Its opset has the low precision. `inline.py` came first: no functions, and
            no inputs that are initializers too. The loaded model is not changed by it,
            tensors are shared.
        absorbed: Op id → the ops that were folded into it, in the order they ran.
        makes: Op id → name of the value in the loaded model that the op's first output
            now equals, where that is not the output's own (a convolution that took in
            a batch norm).
        notes: What the report should say (an upgraded opset), a sentence each.
    """

    model: ir.Model
    absorbed: Mapping[str, tuple[Absorbed, ...]] = field(default_factory=dict)
    makes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
