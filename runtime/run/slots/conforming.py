"""Data becomes what the model takes: its own dtypes, where the spec writes none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...evaluation.batches import Batches, first_inputs
from ...evaluation.identity import array_of
from ...frameworks.adapter import Adapter
from ...frameworks.feeding.dtypes import conformed, dtype_name
from ...frameworks.inputs import Input
from ...frameworks.protocol import Array, Inputs

AsTensor = Callable[[Array, Any], Any]
"""As `Adapter.as_tensor`."""

INTEGERS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")

TRIED = ("float32", "int64")
"""What models take that take no integers of the data's own dtype: numbers, or indices."""

FEW = 2
"""Samples on which a dtype is tried."""


@dataclass(frozen=True)
class Conforming:
    """Batches in the dtypes of a model's inputs.

    Attributes:
        wanted: The inputs, in the batch's order; none where nothing says what they are.
        as_tensor: Makes the framework's tensors again of what was cast.
    """

    batches: Batches
    wanted: tuple[Input, ...]
    as_tensor: AsTensor

    def __call__(self) -> Iterator[tuple[Inputs, Any]]:
        for inputs, labels in self.batches():
            yield self.inputs(inputs), labels

    def inputs(self, inputs: Inputs) -> Inputs:
        """Those of a batch; other code says that their number is wrong."""
        wanted = self.wanted or tuple(Input(str(k)) for k in range(len(inputs)))
        if len(inputs) != len(wanted):
            return inputs
        return tuple(map(self._one, wanted, inputs))

    def _one(self, wanted: Input, value: Any) -> Any:
        if not hasattr(value, "dtype") or dtype_name(value) == wanted.dtype:
            return value
        array = array_of(value)
        if array is None:
            return value
        found = conformed(array, wanted.dtype, f"input {wanted.name}")
        return value if found is array else self.as_tensor(found, value)


def wanted(declared: Sequence[Input], own: Sequence[Input]) -> tuple[Input, ...]:
    """The inputs in the batch's order, with the dtype that is written or the model's.

    Args:
        declared: What the spec says, by the model's names, or in its order.
        own: What the model says.
    """
    if not declared:
        return tuple(own)
    named = {each.name: each for each in own}
    if len(own) == len(declared) and not any(each.name in named for each in declared):
        named = {each.name: mine for each, mine in zip(declared, own, strict=True)}
    return tuple(
        replace(each, dtype=named[each.name].dtype)
        if each.dtype is None and each.name in named
        else each
        for each in declared
    )


def fitting(
    adapter: Adapter, model: Any, batches: Batches, inputs: Sequence[Input]
) -> tuple[Input, ...]:
    """Inputs whose dtype neither spec nor model says, with one that the model takes.

    Of integers alone nothing tells: an embedding takes them, a layer of an image does
    not. So the model is called on a few samples: with what the data has, else with
    floats of the same values, else with int64.

    Args:
        batches: The data in its own dtypes.
        inputs: In the batch's order.
    """
    batch = first_inputs(batches)
    if len(batch) != len(inputs):
        return tuple(inputs)
    unsaid = [
        each
        for each, value in zip(inputs, batch, strict=True)
        if each.dtype is None and dtype_name(value) in INTEGERS
    ]
    few = tuple(_few(value) for value in batch)
    if not unsaid or _takes(adapter, model, inputs, few):
        return tuple(inputs)
    for dtype in TRIED:
        tried = tuple(replace(e, dtype=dtype) if e in unsaid else e for e in inputs)
        cast = Conforming(batches, tried, adapter.as_tensor).inputs(few)
        if _takes(adapter, model, inputs, cast):
            return tried
    return tuple(inputs)


def _few(value: Any) -> Any:
    shape = getattr(value, "shape", ())
    return value[:FEW] if len(shape) else value


def _takes(
    adapter: Adapter, model: Any, inputs: Sequence[Input], batch: Inputs
) -> bool:
    try:
        adapter.predictor(model, inputs)(batch)
    except Exception:  # whatever the model's own code and its framework raise
        return False
    return True
