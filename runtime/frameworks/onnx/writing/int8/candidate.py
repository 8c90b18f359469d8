"""An op that can be written in int8, and what it takes as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .....graph.graph import Precision
from ....quantizing.quantization import Integers


@dataclass(frozen=True)
class Weight:
    """A constant operand.

    Attributes:
        slot: Its index among the op's inputs.
        axis: That of its channels, None for one scale of all.
    """

    slot: int
    axis: int | None
    integers: Integers


@dataclass(frozen=True)
class Candidate:
    """An op that can be written in int8.

    Attributes:
        taken: Slot → activation that it takes, and how that is to be quantized. None
            if scales are found as the model runs.
        weight: None where both operands are activations.
        bias: Slot of a bias that must be 32 bits, None if none must.
        rounded: Tensors one of which must be quantized behind the op: the last that
            fp32 makes.
        output: How they are to be quantized.
        made: What the kernel leaves its floats in: what it takes is dequantized to that.
        filled: Whether it must have a bias where it is read more than once.
    """

    taken: Mapping[int, tuple[str, Integers]]
    weight: Weight | None = None
    bias: int | None = None
    rounded: tuple[str, ...] = ()
    output: Integers = field(default_factory=Integers)
    made: Precision = Precision.FP32
    filled: bool = False

    def is_weight(self, slot: int) -> bool:
        """Whether a slot takes the weight."""
        return self.weight is not None and self.weight.slot == slot
