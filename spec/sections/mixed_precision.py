"""`mixed_precision`: the precisions, and the ops kept in fp32."""

import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from ..reading.codes import Code
from ..reading.diagnostics import Steps
from ..reading.values import NULL, Json, Read, a_list
from .fields import Among, Refused, Text, split
from .marks import INT8, effect_of, is_said, unused
from .section import Problem, Section, Table, Unsound

Low = Literal["bf16", "fp16"]
"""A 16-bit precision."""

NAMES = ("fp32", "bf16", "fp16")
INTEGERS = ("int8", "uint8")
SIDES = ("activation", "weight")
QUANTIZED = "int8 is a quantizer's; bf16 and fp16 are what is converted to"


def _words(names: tuple[str, ...]) -> tuple[Json, ...]:
    """How editors see one of these words, or several in a text or a list."""
    word = {"type": "string", "enum": list(names)}
    one = f"({'|'.join(names)})"
    several = rf"^[\s,]*{one}([\s,]+{one})*[\s,]*$"
    return word, {"type": "string", "pattern": several}, a_list(word), NULL


Precision = Annotated[str, Among(NAMES, dict.fromkeys(INTEGERS, QUANTIZED))]
Precisions = Annotated[tuple[Precision, ...], Read(split, _words(NAMES))]
Allowed = Annotated[str, Among((*NAMES, *INTEGERS))]
AllowedList = Annotated[tuple[Allowed, ...], Read(split, _words((*NAMES, *INTEGERS)))]


def _pattern(pattern: str) -> str:
    try:
        with warnings.catch_warnings():  # of what a later Python may read otherwise
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refused(
            f"not a regular expression: {error}",
            "the key is matched against whole op names by re.fullmatch",
        ) from None
    return pattern


class DtypeSection(Section):
    """The precisions that one side of an op may have."""

    exchangeable: ClassVar[bool] = True

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

    exchangeable: ClassVar[bool] = True

    activation: DtypeSection = Field(
        default_factory=DtypeSection.model_construct,
        description="The op's inputs and outputs; decides if written.",
    )
    weight: DtypeSection = Field(
        default_factory=DtypeSection.model_construct,
        description="The op's weights; decides if activation doesn't.",
    )
    dtype: SkipJsonSchema[Any] = unused(
        None,
        "Neural Compressor's schema has it here, under no op's name.",
        "demands nothing, in Neural Compressor neither: a name of ops is missing above "
        "(op_wise: {NAME: {activation: {dtype: [fp32]}}})",
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
        sides = (self.activation, self.weight)
        written = (side.model_fields_set for side in sides)
        if "dtype" not in self.model_fields_set and not any(written):
            yield Problem(
                "nothing is demanded of the op",
                "activation: {dtype: [fp32]}",
                code=Code.MISSING,
            )


class PinsSection(Section):
    """Per-op demands, by name and by type.

    `nameless` says whether Neural Compressor's schema has activation and weight in
    `op_wise` itself.
    """

    nameless: ClassVar[bool] = False

    optype_wise: Table[Text, OpSection] = Field(
        default={}, description="Op type, in the framework's spelling → its precisions."
    )
    op_wise: Table[Annotated[Text, AfterValidator(_pattern)], OpSection] = Field(
        default={},
        description="Regular expression that matches whole op names → precisions.",
    )

    @property
    def ops(self) -> Iterator[tuple[Steps, OpSection]]:
        """Every demand with its steps from here, the wider ones first."""
        for kind, name, op in self._named:
            yield (kind, name), op

    @property
    def _named(self) -> Iterator[tuple[str, str, OpSection]]:
        for kind in ("optype_wise", "op_wise"):
            with suppress(Unsound):
                for name, op in getattr(self, kind).items():
                    yield kind, name, op

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self.problems()
        yield self._dtypes_of_sides()

    def _dtypes_of_sides(self) -> Iterator[Problem]:
        """A dtype is one of activation or weight, and those are of named ops."""
        for kind, name, op in self._named:
            if "dtype" not in op.model_fields_set:
                continue
            if name not in SIDES:
                hint = "`dtype` stands under `activation` or `weight`"
                yield Problem(
                    "unknown key", hint, (kind, name, "dtype"), code=Code.UNKNOWN
                )
            elif not (self.nameless and kind == "op_wise"):
                yield Problem(
                    f"a name or type of ops is missing above `{name}`",
                    f"{kind}: {{NAME: {{{name}: {{dtype: [fp32]}}}}}}; if `{name}` is "
                    "that name, write activation or weight below it",
                    (kind, name),
                    code=Code.MISSING,
                )


class MixedPrecisionSection(PinsSection):
    """The precisions that the model is converted to."""

    nameless: ClassVar[bool] = True

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
