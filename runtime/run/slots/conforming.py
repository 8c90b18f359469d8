"""Data becomes what the model takes: its own dtypes, where the spec writes none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...common.errors import DataError, first_line
from ...evaluation.batches import Batches, first_inputs
from ...evaluation.identity import array_of
from ...evaluation.sizes import named, shapes_of
from ...frameworks.adapter import Adapter
from ...frameworks.feeding.dtypes import conformed, dtype_name
from ...frameworks.inputs import Input, by_declared
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
        given = [each for each in wanted if not each.fixed]
        if len(inputs) != len(given) or not inputs:
            return inputs
        taken = dict(zip(given, map(self._one, given, inputs), strict=True))
        sizes = named(given, shapes_of(inputs))
        return tuple(
            self._always(each, sizes, inputs[0]) if each.fixed else taken[each]
            for each in wanted
        )

    def _always(self, fixed: Input, sizes: Mapping[str, int], like: Any) -> Any:
        """An input that is the same in all batches, as large as they are."""
        try:
            value = np.asarray(fixed.value)
            value = conformed(value, fixed.dtype, f"`value` of input {fixed.name}")
        except (ValueError, OverflowError) as error:
            raise DataError(
                f"`value` of input {fixed.name} is no array: {first_line(error)}",
                "Write a number, or lists that are equally long.",
            ) from error
        except DataError as error:
            raise DataError(
                error.message,
                "Write another `value` under model.inputs, or its dtype beside it.",
            ) from error
        samples = len(like) if getattr(like, "shape", ()) else 1
        shape = value.shape
        if fixed.shape is not None:
            shape = tuple(
                sizes.get(s, samples) if isinstance(s, str) else s for s in fixed.shape
            )
        try:
            whole = np.broadcast_to(value, shape)
        except ValueError as error:
            raise DataError(
                f"input {fixed.name} is always {value.shape}, which fills no {shape}",
                "Make `value` and `shape` under model.inputs agree.",
            ) from error
        return self.as_tensor(np.array(whole, order="C"), like)

    def _one(self, wanted: Input, value: Any) -> Any:
        if not hasattr(value, "dtype") or dtype_name(value) == wanted.dtype:
            return value
        array = array_of(value)
        if array is None:
            return value
        found = conformed(array, wanted.dtype, f"input {wanted.name}")
        return value if found is array else self.as_tensor(found, value)


def alike(batches: Batches, given: Batches) -> Batches:
    """Other data in the dtypes in which a run has its own."""
    if not isinstance(given, Conforming):
        return batches
    return Conforming(batches, given.wanted, given.as_tensor)


def wanted(declared: Sequence[Input], own: Sequence[Input]) -> tuple[Input, ...]:
    """The inputs in the batch's order, with the dtype that is written or the model's.

    Args:
        declared: What the spec says, by the model's names, or in its order.
        own: What the model says.
    """
    if not declared:
        return tuple(own)
    known = by_declared(declared, own)
    return tuple(
        _completed(each, known[each.name]) if each.name in known else each
        for each in declared
    )


def _completed(declared: Input, own: Input) -> Input:
    """An input with the dtype that is written or the model's; and the shape, where no
    data has it."""
    shape = own.shape if declared.fixed and declared.shape is None else declared.shape
    return replace(declared, shape=shape, dtype=declared.dtype or own.dtype)


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
    if all(each.dtype for each in inputs):
        return tuple(inputs)
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
