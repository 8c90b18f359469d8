"""An op that can be written in int8, and all that is part of its kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .....common.errors import PlanError
from .....graph.graph import Placement, Precision
from ....protocol import Array, Probe
from ....quantizing.quantization import Integers, Scales
from ....quantizing.scaling import LEAST, SYMMETRIC

Floats = npt.NDArray[np.float32]
Integers8 = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Candidate:
    """A contraction of the main graph.

    Attributes:
        chain: Nodes that its kernel computes: itself, its bias, a sum, its ReLU.
        taken: The activation.
        integers: How that is to be quantized.
        weight: Name of a constant.
        axis: That of the weight's channels, None for one scale of all.
        turned: Whether the weight is stored transposed.
        bias: Reference to a constant, "" without one.
        relu: Whether the kernel ends in one.
        rounded: Whether the kernel makes integers; else it makes floats.
        sum: The addition in the chain, "" without one.
        added: What that adds to the convolution, in uint8.
        shifted: Whether nothing else takes that, and an int8 kernel makes it: its zero
            point is part of the biases of that kernel and of this.
    """

    chain: tuple[str, ...]
    taken: str
    integers: Integers
    weight: str
    axis: int | None
    turned: bool
    bias: str
    relu: bool
    rounded: bool
    sum: str = ""
    added: str = ""
    shifted: bool = False

    @property
    def end(self) -> str:
        """The tensor that the kernel makes."""
        return self.chain[-1]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Those that need a scale."""
        wanted = (self.taken, self.added, self.end if self.rounded else "")
        return tuple(filter(None, wanted))


@dataclass(frozen=True)
class Quantized:
    """What is known of a model's int8.

    Attributes:
        ops: Id → candidate, of the ops that ran.
        scales: Of all activations that they take or make as integers.
        probes: Id → what became of it in int8, beside fp32.
        refusals: Id → why it has no int8 kernel.
    """

    ops: Mapping[str, Candidate] = field(default_factory=dict)
    scales: Scales = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def sums(self) -> dict[str, Candidate]:
        """Id of each addition that is part of a kernel → whose."""
        return {each.sum: each for each in self.ops.values() if each.sum}

    @property
    def parts(self) -> dict[str, Candidate]:
        """Id of each op that is part of an int8 kernel → whose."""
        return {name: each for each in self.ops.values() for name in each.chain}

    def check(self, placement: Placement) -> None:
        """See that there are scales for all ops that a placement has in int8.

        Raises:
            PlanError: There are none for one.
        """
        parts = self.parts
        for op, precision in placement.items():
            if precision is Precision.INT8 and op not in parts:
                why = self.refusals.get(op, "nothing was calibrated")
                raise PlanError(
                    f"op {op} is to be int8, for which there are no scales: {why}",
                    "Search anew, without the plan.",
                )


NOTHING = Quantized()


def weight_integers(values: Array, axis: int | None) -> tuple[Integers8, Floats]:
    """A weight in int8, -127 to 127, and the upper ends of its channels' ranges.

    Returns:
        The weight in its own shape, and float32 of (channels,) or ().
    """
    others = tuple(each for each in range(values.ndim) if each != axis)
    most: Floats = np.abs(values.astype(np.float32)).max(
        others if axis is not None else None, initial=0.0
    )
    scale = np.where(most / SYMMETRIC >= LEAST, most / SYMMETRIC, 1.0)
    shape = [1] * values.ndim
    if axis is not None:
        shape[axis] = -1
    whole = np.rint(values.astype(np.float32) / scale.astype(np.float32).reshape(shape))
    ends = (scale * SYMMETRIC).astype(np.float32)
    return np.clip(whole, -SYMMETRIC, SYMMETRIC).astype(np.int8), ends
