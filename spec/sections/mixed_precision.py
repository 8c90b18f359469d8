"""`mixed_precision`: the precisions, and the ops kept in fp32."""

import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from ..reading.codes import Code
from ..reading.diagnostics import Steps
from ..reading.values import NULL, Json, Read, a_list, shown
from .fields import Among, Refused, Text, near, split
from .marks import INT8, effect_in, is_said, quantizing, unused
from .section import Problem, Section, Table, Unsound

Low = Literal["bf16", "fp16"]
"""A 16-bit precision."""

NAMES = ("fp32", "bf16", "fp16")
INTEGERS = ("int8", "uint8")
SIDES = ("activation", "weight")
UNSIGNED = "write int8: the dtypes under quantization say which integers an op has"

SIDE_WORDS = {
    "scheme": ("sym", "asym"),
    "granularity": ("per_tensor", "per_channel"),
    "algorithm": ("minmax", "kl"),
}
"""Key of a side → what may be written for it; several words leave the choice open."""

IMPOSSIBLE = {
    ("activation", "per_channel"): "an activation has one scale: write per_tensor",
    ("weight", "kl"): "a weight's range is its own: write minmax",
}
"""What one side can't have, and what to write there."""


def _words(names: tuple[str, ...]) -> tuple[Json, ...]:
    """How editors see one of these words, or several in a text or a list."""
    word = {"type": "string", "enum": list(names)}
    one = f"({'|'.join(names)})"
    several = rf"^[\s,]*{one}([\s,]+{one})*[\s,]*$"
    return word, {"type": "string", "pattern": several}, a_list(word), NULL


Precision = Annotated[str, Among((*NAMES, "int8"), {"uint8": UNSIGNED})]
Precisions = Annotated[tuple[Precision, ...], Read(split, _words((*NAMES, "int8")))]
Allowed = Annotated[str, Among((*NAMES, *INTEGERS))]
AllowedList = Annotated[tuple[Allowed, ...], Read(split, _words((*NAMES, *INTEGERS)))]


def _any_of(key: str) -> Read:
    return shown({"type": "string", "enum": [*SIDE_WORDS[key]]})


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
        default=(),
        description="Precisions that are allowed; only fp32 pins the op, a list without "
        "int8 forbids it that.",
    )
    bit: Any = unused((7.0,), "Bits of the integers that are used.", INT8)
    scheme: Annotated[Any, _any_of("scheme")] = quantizing(
        None,
        "Whether int8's zero point is in the middle of its range (sym), or anywhere.",
    )
    granularity: Annotated[Any, _any_of("granularity")] = quantizing(
        None, "Whether channels of weights have scales of their own."
    )
    algorithm: Annotated[Any, _any_of("algorithm")] = quantizing(
        None, "How ranges of int8 are found; kl for activations alone."
    )
    compute_dtype: Any = unused(None, "The integers of the kernel.", INT8)

    def useless(self, int8: bool) -> tuple[str, ...]:
        """The keys that the spec does not use, and say other than what holds anyway.

        Args:
            int8: Whether the spec asks for int8.
        """
        fields = type(self).model_fields.items()
        keys = (name for name, field in fields if effect_in(field, int8) is not None)
        return tuple(key for key in keys if is_said(self, key))

    def words(self, key: str) -> tuple[str, ...]:
        """What is written for a key of `SIDE_WORDS`, of several words all.

        Raises:
            Refused: A word is not among those.
        """
        value = split(getattr(self, key))
        found = value if isinstance(value, tuple) else (value,)
        for word in found:
            if word not in SIDE_WORDS[key]:
                hint = near(str(word), SIDE_WORDS[key])
                raise Refused(f"unknown value `{str(word)[:60]}`", hint, Code.WORD)
        return found


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
    def dtypes_beside_int8(self) -> tuple[str, ...]:
        """The same of a spec that asks for int8: a side that may not have it decides."""
        lists = (self.activation.dtype, self.weight.dtype)
        without = [each for each in lists if each and not set(INTEGERS) & set(each)]
        return next(iter(without), lists[0] or lists[1])

    def useless(self, int8: bool) -> tuple[str, ...]:
        """The keys of both sides that the spec does not use.

        Args:
            int8: Whether the spec asks for int8.
        """
        found = [*self.activation.useless(int8), *self.weight.useless(int8)]
        if not int8 and set(INTEGERS) & {*self.activation.dtype, *self.weight.dtype}:
            found.insert(0, "dtype")
        return tuple(dict.fromkeys(found))

    def int8_problems(self) -> Iterator[Problem]:
        """What is wrong with the words about int8, where it is asked for."""
        for side in SIDES:
            for key in SIDE_WORDS:
                with suppress(Unsound):
                    yield from self._word_problems(side, key)

    def _word_problems(self, side: str, key: str) -> Iterator[Problem]:
        section: DtypeSection = getattr(self, side)
        try:
            words = section.words(key)
        except Refused as error:
            yield Problem(str(error), error.hint, (side, key), error.code)
            return
        whys = [IMPOSSIBLE[side, each] for each in words if (side, each) in IMPOSSIBLE]
        if whys and len(whys) == len(words):
            text = f"{words[0]} can't be had here"
            yield Problem(text, whys[0], (side, key), Code.ABILITY)

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

    def int8_problems(self) -> Iterator[Problem]:
        """What is wrong with what is said of int8, where it is asked for."""
        for steps, op in self.ops:
            for problem in op.int8_problems():
                yield replace(problem, at=(*steps, *problem.at))

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
        "kept; int8 beside one of them, for ONNX and MXNet models; fp32 is always "
        "allowed besides.",
    )

    @property
    def int8(self) -> bool:
        """Whether it is asked for."""
        return "int8" in self.precisions

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
