"""`mixed_precision` and `quantization`: the precisions, and the ops kept in fp32."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..reading.diagnostics import Steps
from .fields import Among, Refused, Text, split
from .section import Problem, Section, Table

Low = Literal["bf16", "fp16"]
"""A 16-bit precision."""

NAMES = ("fp32", "bf16", "fp16")
Precision = Annotated[str, Among(NAMES, ("int8", "uint8"))]
Precisions = Annotated[
    tuple[Precision, ...],
    BeforeValidator(split, json_schema_input_type=str | tuple[Precision, ...]),
]


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refused(
            f"not a regular expression: {error}",
            "the key is matched against whole op names by re.fullmatch",
        ) from None
    return pattern


class DtypeSection(Section):
    """The precisions that one side of an op may have."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"bit", "scheme", "granularity", "algorithm", "compute_dtype"}
    )
    exchangeable: ClassVar[bool] = True

    dtype: Precisions = Field(
        default=(), description="Precisions that are allowed; only fp32 pins the op."
    )


class OpSection(Section):
    """What is demanded of the ops under one name or type."""

    called: ClassVar[str] = "a name or type of ops"
    exchangeable: ClassVar[bool] = True

    activation: DtypeSection = Field(
        default_factory=DtypeSection,
        description="The op's inputs and outputs; decides if written.",
    )
    weight: DtypeSection = Field(
        default_factory=DtypeSection,
        description="The op's weights; decides if activation doesn't.",
    )

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The precisions that decide."""
        return self.activation.dtype or self.weight.dtype

    def problems(self) -> Iterator[Problem]:
        if not self.dtypes:
            yield Problem(
                "nothing is demanded of the op", "activation: {dtype: [fp32]}"
            )


class PinsSection(Section):
    """Per-op demands, by name and by type."""

    optype_wise: Table[Text, OpSection] = Field(
        default={}, description="Op type, in the framework's spelling → its precisions."
    )
    op_wise: Table[Annotated[Text, AfterValidator(_pattern)], OpSection] = Field(
        default={},
        description="Regular expression that matches whole op names → precisions.",
    )

    @property
    def ops(self) -> Iterator[tuple[Steps, OpSection]]:
        """Every demand with its steps from here."""
        for kind in ("optype_wise", "op_wise"):
            for name, op in getattr(self, kind).items():
                yield (kind, name), op


class MixedPrecisionSection(PinsSection):
    """The precisions that the model is converted to."""

    precisions: Precisions = Field(
        default=(),
        description="bf16 (the default), fp16, or both: each is tried, the better is "
        "kept; fp32 is always allowed besides.",
    )

    @property
    def lows(self) -> tuple[Low, ...]:
        """The 16-bit precisions that the model is converted to, each by itself."""
        both: tuple[Low, ...] = ("bf16", "fp16")
        return tuple(low for low in both if low in self.precisions) or ("bf16",)

    def problems(self) -> Iterator[Problem]:
        low = set(self.precisions) - {"fp32"}
        if self.precisions and not low:
            yield Problem(
                "only fp32: nothing would be converted",
                "precisions: bf16",
                ("precisions",),
            )


class QuantizationSection(PinsSection):
    """Neural Compressor's place for per-op demands; the rest of it is not read."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "approach",
            "train",
            "advance",
            "calibration",
            "recipes",
            "model_wise",
            "optimization_level",
        }
    )
