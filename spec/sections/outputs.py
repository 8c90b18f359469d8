"""`model.outputs`: what of a model's outputs is kept, and in which dtype it is returned."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from .fields import Among, Text, split
from .section import Section

LOWS: Mapping[str, str] = {"bfloat16": "bf16", "float16": "fp16"}
"""Dtype of an input or output that is freed → the precision that it is in."""

NO_FREED = {
    "bf16": "write bfloat16",
    "fp16": "write float16",
    "fp32": "write float32, or leave it out",
}


def written(value: object) -> object:
    """Names alone, or a mapping of names → outputs."""
    items = split(value)
    if isinstance(items, Mapping):
        return tuple(
            {**({} if each is None else each), "name": name}
            if each is None or isinstance(each, Mapping)
            else each
            for name, each in items.items()
        )
    if isinstance(items, tuple):
        return tuple({"name": i} if isinstance(i, str) else i for i in items)
    return items


class OutputKeys(Section):
    """What is said of an output beside its name."""

    dtype: Annotated[str, Among(("float32", *LOWS), NO_FREED)] = Field(
        default="float32",
        description="The element type that the converted model returns it in: bfloat16 "
        "or float16, if it is among the precisions, spares a cast. Only pytorch so far.",
    )


class OutputSection(OutputKeys):
    """One output of the model."""

    name: Text = Field(
        description="The name that the model has for it; pytorch: the key of a dict, "
        "else any, in the order in which outputs are returned."
    )
