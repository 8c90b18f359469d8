"""`model.inputs`, `model.outputs`: what goes into a model, and what comes out of it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ..reading.codes import Code
from .fields import (
    STRING,
    Among,
    Dimension,
    File,
    Identifier,
    InputDtype,
    Refused,
    Size,
    Text,
    settled,
    split,
)
from .section import Problem, Section, Table


def written(value: object) -> object:
    """Names alone, as Neural Compressor has them, → inputs."""
    items = split(value)
    if isinstance(items, tuple):
        return tuple({"name": i} if isinstance(i, str) else i for i in items)
    return items


class InputSection(Section):
    """One input of the model."""

    name: Annotated[Text, AfterValidator(settled)] = Field(
        description="The name that the model has for it. pytorch: the argument of "
        "forward; `batch.image` is a key of a dict, `pair.0` an element of a tuple."
    )
    shape: tuple[Dimension, ...] | None = Field(
        default=None,
        description="Sizes; a symbol such as `batch` stands for one that varies, "
        "`{seq: 4096}` for one that is never larger. Only pytorch needs them, other "
        "models have their own.",
    )
    largest: Table[Identifier, Size] = Field(
        default_factory=dict,
        description="The largest that a size of `shape` may be: `{seq: 4096}`.",
    )
    dtype: InputDtype | None = Field(
        default=None,
        description="NumPy's name of the element type, or `string` for text and bytes; "
        "not written, the model's own, else the data's. bfloat16: the model has float32, "
        "and the converted one takes bfloat16, which spares a cast (pytorch and onnx).",
    )

    range: tuple[float, float] | None = Field(
        default=None,
        description="The least and the largest value that the input takes: what is "
        "drawn where there is no data, and what a 16-bit format must hold.",
    )
    values: File | None = Field(
        default=None,
        description="A .npy file of samples that stand for the input where there is no "
        "data.",
    )
    value: Any = Field(
        default=None,
        description="What the input always is: a number, or lists of them; no data "
        "gives it. pytorch: without a shape, an argument of forward() as it stands, "
        "such as null.",
        json_schema_extra={
            "anyOf": [{"type": kind} for kind in ("null", "number", "boolean", "array")]
        },
    )

    @model_validator(mode="before")
    @classmethod
    def _with_stated_sizes(cls, value: object) -> object:
        return _stated(value)

    @property
    def is_freed(self) -> bool:
        """Whether the converted model takes it in 16 bits, and the model in fp32."""
        return self.dtype == "bfloat16"

    @property
    def is_fixed(self) -> bool:
        """Whether the input always has one value, which may be null."""
        if not self.model_fields_set:  # all of it is wrong: it counts as fed
            return False
        return self.says("value") or "value" in self.model_fields_set

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._largest_sizes()
        yield self._one_source()
        yield self._in_order()
        yield self._of_its_dtype()
        yield self._constant()

    def _largest_sizes(self) -> Iterator[Problem]:
        """A largest size is one of a symbol."""
        for symbol in self.largest:
            if symbol not in (self.shape or ()):
                yield Problem(
                    f"`{symbol}` is no size of this input's shape",
                    "write the symbol in `shape`, or `{symbol: largest}` there",
                    ("largest",),
                )

    def _one_source(self) -> Iterator[Problem]:
        """Values are said in one way."""
        said = [key for key in ("range", "values") if self.says(key)]
        said += ["value"] * self.is_fixed
        if len(said) > 1:
            message = f"`{said[0]}` and `{said[1]}` each say the values: write one"
            yield Problem(message, at=(said[1],))

    def _in_order(self) -> Iterator[Problem]:
        if self.range is not None and self.range[0] > self.range[1]:
            message = "the least value is above the largest"
            yield Problem(
                message, "write [least, largest]", ("range",), code=Code.RANGE
            )

    def _of_its_dtype(self) -> Iterator[Problem]:
        """A range is one of numbers that the dtype has."""
        if self.range is None or self.dtype is None:
            return
        if self.dtype in (STRING, "bool"):
            yield Problem(
                f"{self.dtype} has no range",
                "leave it out",
                ("range",),
                code=Code.EFFECT,
            )
        elif "int" in self.dtype and any(end % 1 for end in self.range):
            message = f"{self.dtype} has whole numbers alone"
            yield Problem(message, "write whole numbers", ("range",), code=Code.RANGE)
        elif not _holds(self.dtype, self.range):
            message = f"{self.dtype} does not reach so far"
            yield Problem(
                message,
                "write another dtype, or a narrower range",
                ("range",),
                code=Code.RANGE,
            )

    def _constant(self) -> Iterator[Problem]:
        """A value is a number, or an array of them; text is none."""
        if self.is_fixed and not _is_number(self.value):
            yield Problem(
                "an input's value is a number, or a list of numbers",
                "write it as in `value: 0.5`, or an array as `values: FILE.npy`",
                ("value",),
                code=Code.FORM,
            )
        elif self.is_fixed and not _is_even(self.value):
            yield Problem(
                "the lists of this value are not equally long",
                "write rows of as many numbers each",
                ("value",),
                code=Code.COUNT,
            )


def _holds(dtype: str, within: tuple[float, float]) -> bool:
    """Whether an integer dtype has both ends; floats overflow, which is said later."""
    bits = int("".join(filter(str.isdigit, dtype)))
    if "float" in dtype:
        return True
    least, most = (
        (0, 2**bits) if dtype[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    )
    return least <= within[0] and within[1] < most


def _is_number(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_number(each) and each is not None for each in value)
    return value is None or isinstance(value, bool | int | float)


def _is_even(value: object) -> bool:
    """Whether nested lists are an array."""
    if not isinstance(value, tuple):
        return True
    lengths = {len(e) if isinstance(e, tuple) else None for e in value}
    inner = tuple(e for row in value if isinstance(row, tuple) for e in row)
    return len(lengths) < 2 and (not inner or _is_even(inner))


def _stated(value: object) -> object:
    """Sizes written as `{seq: 4096}` → the symbol, and its largest size."""
    if not isinstance(value, Mapping) or not isinstance(value.get("shape"), tuple):
        return value
    stated = [s for s in value["shape"] if isinstance(s, Mapping) and len(s) == 1]
    if not stated or not isinstance(value.get("largest") or {}, Mapping):
        return value
    largest = {name: size for each in stated for name, size in each.items()}
    shape = tuple(next(iter(s)) if s in stated else s for s in value["shape"])
    return {
        **value,
        "shape": shape,
        "largest": {**largest, **(value.get("largest") or {})},
    }


LOWS: Mapping[str, str] = {"bfloat16": "bf16", "float16": "fp16"}
"""Dtype of an input or output that is freed → the precision that it is in."""

NO_FREED = {
    "bf16": "write bfloat16",
    "fp16": "write float16",
    "fp32": "write float32, or leave it out",
}


def written_outputs(value: object) -> object:
    """Names alone, or a mapping of names → outputs.

    Raises:
        Refused: A mapping stands within a list.
    """
    items = split(value)
    if isinstance(items, Mapping):
        return tuple(_named(name, each) for name, each in items.items())
    if not isinstance(items, tuple):
        return items
    if any(isinstance(each, Mapping) for each in items):
        raise Refused(
            "a list of outputs holds names alone",
            "write a mapping: {logits: {dtype: bfloat16}, hidden: {}}",
        )
    return tuple({"name": each} if isinstance(each, str) else each for each in items)


def _named(name: object, said: object) -> object:
    """An output of a mapping; nothing need be said of it."""
    if said is None:
        return {"name": name}
    return {**said, "name": name} if isinstance(said, Mapping) else said


class OutputKeys(Section):
    """One output of the model: its name there, or of a tuple any, in its order."""

    dtype: Annotated[str, Among(("float32", *LOWS), NO_FREED)] = Field(
        default="float32",
        description="The element type that the converted model returns it in: bfloat16 "
        "or float16, if it is among the precisions, spares a cast. Pytorch and onnx alone.",
    )


class OutputSection(OutputKeys):
    """One output of the model, with its name."""

    name: Text = Field(description="Its name in the model, or of a tuple any.")
