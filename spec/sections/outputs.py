"""`model.outputs`: what of a model's outputs is kept, and in which dtype it is returned."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from .fields import Among, Refused, Text, split
from .section import Section

LOWS: Mapping[str, str] = {"bfloat16": "bf16", "float16": "fp16"}
"""Dtype of an input or output that is freed → the precision that it is in."""

NO_FREED = {
    "bf16": "write bfloat16",
    "fp16": "write float16",
    "fp32": "write float32, or leave it out",
}


def written(value: object) -> object:
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

    name: Text
