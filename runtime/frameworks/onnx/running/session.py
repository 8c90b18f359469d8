"""What runs an ONNX model: the seam between the adapter and a runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import onnx_ir as ir

from ....graph.graph import Precision
from ...protocol import Array
from ..ir.quantized.forms import Forms
from ..ir.quantized.kernels import Int8


class Session(Protocol):
    """A compiled model."""

    def __call__(self, inputs: Sequence[Array], /) -> tuple[Array, ...]:
        """Its outputs in order, from its inputs in order; dtypes as they are."""
        ...


class Executor(Protocol):
    """A runtime, with the switches under which fp32 means fp32."""

    @property
    def title(self) -> str:
        """Its name for people."""
        ...

    @property
    def switches(self) -> Mapping[str, str]:
        """What is set in every session; whoever deploys the model sets it too."""
        ...

    @property
    def caveat(self) -> str:
        """What the report must say of how ops were executed, "" if natively."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What those who run the result must know, a sentence each."""
        ...

    @property
    def uniform(self) -> frozenset[str]:
        """Operators whose inputs must all be of one type there, whatever ONNX allows."""
        ...

    @property
    def indifferent(self) -> frozenset[str]:
        """Operators that it computes in any precision with the same result."""
        ...

    @property
    def int8_forms(self) -> Forms | None:
        """How ops are written that it is to compute in int8, None if that is unknown."""
        ...

    @property
    def int8(self) -> Int8:
        """What it demands of a quantized op that it computes in int8."""
        ...

    @property
    def integer_bits(self) -> int:
        """Bits in which it computes int64, which a model's indices and ids may be."""
        ...

    @property
    def judge(self) -> Executor:
        """What errors are measured with: itself, if it rounds where the model says."""
        ...

    def check(self, low: Precision) -> None:
        """See that the runtime executes a precision at all.

        Raises:
            RequirementError: It does not, with the remedy.
        """
        ...

    def compile_part(self, model: ir.Model) -> Session:
        """Make a model of a few ops ready to run, to see what becomes of them.

        Raises:
            Exception: Whatever the runtime says; callers know what it means.
        """
        ...

    def survive(self, model: ir.Model) -> None:
        """See that the runtime lives through opening a model, before it is saved.

        Raises:
            ModelError: It dies.
        """
        ...

    def compile(self, model: ir.Model) -> Session:
        """Make a whole model ready to run.

        Where the runtime dies of it, only a child of this process does.

        Raises:
            Exception: Whatever the runtime says; callers know what it means.
        """
        ...


NOISE = (
    "Exception from",
    "Check '",
    "FrontEnd API failed",
    "Model wasn't fully converted",
    "Summary:",
    "To facilitate",
)
"""How lines begin that say nothing of what is wrong."""


def shortened(error: Exception) -> str:
    """What a runtime says of what is wrong, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(NOISE)]
    found = said or lines or [type(error).__name__]
    last = next((k for k, line in enumerate(found) if not line.endswith(":")), None)
    stop = len(found) if last is None else last + 1
    return " ".join(found[:stop]).removeprefix("-- ")[:300]
