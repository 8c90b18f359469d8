"""`mixed_precision`: the precisions, and the ops kept in fp32."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ..reading.diagnostics import Steps
from .fields import Among, Refused, Text, split
from .marks import INT8, effect_of, is_said, unused
from .section import Problem, Section, Table

Low = Literal["bf16", "fp16"]
"""A 16-bit precision."""

NAMES = ("fp32", "bf16", "fp16")
INTEGERS = ("int8", "uint8")
QUANTIZED = "int8 is a quantizer's; bf16 and fp16 are what is converted to"
Precision = Annotated[str, Among(NAMES, dict.fromkeys(INTEGERS, QUANTIZED))]
Precisions = Annotated[
    tuple[Precision, ...],
    BeforeValidator(split, json_schema_input_type=str | tuple[Precision, ...]),
]
Allowed = Annotated[str, Among((*NAMES, *INTEGERS))]
AllowedList = Annotated[
    tuple[Allowed, ...],
    BeforeValidator(split, json_schema_input_type=str | tuple[Allowed, ...]),
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

    dtype: AllowedList = Field(
        default=(), description="Precisions that are allowed; only fp32 pins the op."
    )
    bit: Any = unused((7.0,), "Bits of the integers that are used.", INT8)
    scheme: Any = unused(None, "Whether a scale has a zero point.", INT8)
    granularity: Any = unused(None, "Whether channels have scales of their own.", INT8)
    algorithm: Any = unused(None, "How scales are found.", INT8)
    compute_dtype: Any = unused(None, "The integers of the kernel.", INT8)

    @property
    def quantized(self) -> tuple[str, ...]:
        """The keys that are about int8, and say other than what it has anyway."""
        fields = type(self).model_fields.items()
        keys = (name for name, field in fields if effect_of(field) is not None)
        return tuple(key for key in keys if is_said(self, key))


class OpSection(Section):
    """What is demanded of the ops under one name or type."""

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
        """The precisions that decide; () where they are int8's, or there are none."""
        decides = self.activation.dtype or self.weight.dtype
        return () if set(INTEGERS) & set(decides) else decides

    @property
    def quantized(self) -> tuple[str, ...]:
        """The keys that are about int8."""
        found = [*self.activation.quantized, *self.weight.quantized]
        if set(INTEGERS) & {*self.activation.dtype, *self.weight.dtype}:
            found.insert(0, "dtype")
        return tuple(dict.fromkeys(found))

    def problems(self) -> Iterator[Problem]:
        if not (self.activation.model_fields_set | self.weight.model_fields_set):
            yield Problem(
                "nothing is demanded of the op", "activation: {dtype: [fp32]}"
            )


class NamelessSection(OpSection):
    """The same, as Neural Compressor's schema has it in one place: under no name."""

    dtype: Any = unused(
        None,
        "Precisions of no op.",
        "stands under no name of an op: it demands nothing",
    )

    def problems(self) -> Iterator[Problem]:
        if "dtype" not in self.model_fields_set:
            yield from super().problems()


Pattern = Annotated[Text, AfterValidator(_pattern)]
"""A regular expression that matches whole op names."""

BY_NAME = "Regular expression that matches whole op names → precisions."


class PinsSection(Section):
    """Per-op demands, by type and, in `op_wise`, by name."""

    optype_wise: Table[Text, OpSection] = Field(
        default={}, description="Op type, in the framework's spelling → its precisions."
    )

    @property
    def ops(self) -> Iterator[tuple[Steps, OpSection]]:
        """Every demand with its steps from here, the wider ones first."""
        for kind in ("optype_wise", "op_wise"):
            for name, op in getattr(self, kind).items():
                yield (kind, name), op


class MixedPrecisionSection(PinsSection):
    """The precisions that the model is converted to."""

    op_wise: Table[Pattern, NamelessSection] = Field(default={}, description=BY_NAME)
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
