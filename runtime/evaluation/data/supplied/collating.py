"""Samples of a user's dataset, made into batches as Neural Compressor does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from ....common.errors import DataError
from ...identity import array_of

Sample = tuple[Any, Any]
"""(input, label); an input may be several, in a tuple, a list or a mapping."""


def collate(found: Sequence[Any]) -> Sample:
    """Samples as one batch: each input, and each part of a label, is stacked.

    Inputs keep their form: one array, a tuple, or a mapping by name. Labels that can't
    be stacked stay a list, and so do those that are lists of texts: an image's names of
    objects, a question's answers.

    Raises:
        DataError: A sample is not (input, label), or inputs can't be stacked.
    """
    for number, sample in enumerate(found):
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise DataError(
                f"sample {number} of a batch is not (input, label) but {said(sample)}",
                "Return a pair; several inputs are a tuple, or a dict by name, in it.",
            )
    inputs, labels = zip(*found, strict=True)
    return _stacked(inputs, whole=True), _stacked(labels, whole=False)


def _stacked(values: Sequence[Any], whole: bool) -> Any:
    """Values of one place in all samples.

    Args:
        whole: Whether they must make an array.
    """
    first = values[0]
    if isinstance(first, Mapping):
        return {key: _stacked([each[key] for each in values], whole) for key in first}
    if isinstance(first, list) and not whole and are_texts(first):
        return _ragged(values, whole)
    if isinstance(first, tuple | list) and not are_numbers(first):
        try:
            parts = list(zip(*values, strict=True))
        except (TypeError, ValueError):  # boxes of an image: as many as there are
            return _ragged(values, whole)
        return tuple(_stacked(part, whole) for part in parts)
    if all(each is None for each in values):
        return None
    arrays = [array_of(each) for each in values]
    if any(each is None for each in arrays):
        return _ragged(values, whole)
    known = [each for each in arrays if each is not None]
    if len({each.shape for each in known}) > 1:
        return _ragged(values, whole)
    try:
        return np.stack(known)
    except (TypeError, ValueError):  # a text beside a date, or beside bytes
        return _ragged(values, whole)


def _ragged(values: Sequence[Any], whole: bool) -> list[Any]:
    if not whole:
        return list(values)
    strange = next((each for each in values if array_of(each) is None), None)
    if strange is not None:
        raise DataError(
            f"an input of a sample is {said(strange)}, which is no array",
            "An input is an array, a tensor, a number or text; several are a tuple.",
        )
    shapes = sorted({str(getattr(array_of(each), "shape", "none")) for each in values})
    raise DataError(
        f"the samples of a batch can't be stacked: {' and '.join(shapes)}",
        "Give all samples the same shapes, or batch_size=1, or a collate_fn.",
    )


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether a sequence is one array in Python's own numbers, nested or not."""
    return bool(values) and all(
        are_numbers(each)
        if isinstance(each, tuple | list)
        else isinstance(each, Number | np.generic)
        for each in values
    )


def are_texts(values: Sequence[Any]) -> bool:
    """Whether a list is texts alone: names of objects, answers to a question."""
    return bool(values) and all(isinstance(each, str | bytes) for each in values)


def said(value: Any) -> str:
    """What came, for messages: the type, and what it holds."""
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    if isinstance(value, Mapping):
        return f"{article} {kind} of {', '.join(map(str, value))}"
    if isinstance(value, tuple | list):
        return f"{article} {kind} of {len(value)}"
    shape = getattr(value, "shape", None)
    return f"{article} {kind}" + (f" {tuple(shape)}" if shape is not None else "")
