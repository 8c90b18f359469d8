"""Reading a script's data, batch by batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..common.errors import DataError
from ..common.places import described, place_of, users_code, users_frame
from ..common.telling.waiting import awaited
from ..frameworks.inputs import Input, check_shapes
from ..frameworks.protocol import Inputs
from .identity import Identity, array_of, batch_digest, identity_of
from .sizes import shapes_of

Batches = Callable[[], Iterable[tuple[Inputs, Any]]]
"""The user's data: each call starts anew and yields (inputs, labels)."""


LOADERS = {
    "batches": "evaluation.accuracy.dataloader",
    "calibration_batches": "quantization.calibration.dataloader",
}
"""A script's loop over data → the key of it in the spec."""

DATASET, CALIBRATION = (
    f"Check {loader}.dataset in the spec, and its code." for loader in LOADERS.values()
)
"""What the user can do where it can't be read."""

MADE_UP = (
    "Check model.inputs in the spec: without a dataset, inputs are made up from it."
)


def first_inputs(batches: Batches, remedy: str = DATASET) -> Inputs:
    """The inputs of the first batch: what tracing, probes and ranges see.

    Args:
        remedy: What the user can do where they can't be read.

    Raises:
        DataError: There is no batch, or the data can't be read.
    """
    return next(all_inputs(batches, remedy))


def all_inputs(batches: Batches, remedy: str = DATASET) -> Iterator[Inputs]:
    """The inputs of all batches, of which there must be one.

    Args:
        remedy: What the user can do where they can't be read.

    Raises:
        DataError: There is none, or the data can't be read.
    """
    empty = True
    for inputs, _labels in _read(batches, remedy):
        empty = False
        yield inputs
    if empty:
        raise _no_batch()


def identity(batches: Batches) -> Identity:
    """What all data is; it is read for that alone.

    Raises:
        DataError: It can't be read.
    """
    return identity_of(batch_digest(*batch) for batch in _read(batches))


def _no_batch() -> DataError:
    return DataError(
        "the data has no batch",
        "The dataset is empty, or shorter than batch_size under `last_batch: discard`.",
    )


def not_finite(parts: Iterable[Sequence[Any]], what: str) -> str:
    """The first value of the data that is not finite: "the input of sample 17 is nan".

    Args:
        parts: Of each batch, arrays with a row for each sample.
        what: They are.
    """
    before = 0
    for batch in parts:
        arrays = [array_of(each) for each in batch]
        for place, array in enumerate(arrays):
            if array is None or array.dtype.kind not in "fc" or not array.ndim:
                continue
            wrong = np.argwhere(~np.isfinite(array))
            if len(wrong):
                value, sample = array[tuple(wrong[0])], before + wrong[0][0]
                which = f"the {what}" if len(arrays) == 1 else f"{what} {place}"
                return f"{which} of sample {sample} is {value}"
        before += len(arrays[0]) if arrays and arrays[0] is not None else 0
    return ""


def _read(batches: Batches, remedy: str = DATASET) -> Iterator[tuple[Inputs, Any]]:
    """All batches.

    Args:
        remedy: What the user can do where they can't be read.

    Raises:
        DataError: They can't be read.
    """
    with users_code(partial(_unreadable, remedy)):
        yield from awaited(batches())


def _unreadable(remedy: str, error: BaseException) -> DataError:
    """What the dataset raised, or the script where it takes a batch apart."""
    frame = users_frame(error)
    loop = frame is not None and frame.name in LOADERS
    counts = UNPACKED.search(str(error)) if loop else None
    if counts is not None:
        return DataError(
            f"model.inputs names {counts['named']} inputs, the data gives "
            f"{counts['given'] or 'more'}",
            "Make them agree: several inputs of one sample are a tuple.",
        )
    if frame and loop and (step := _step(LOADERS[frame.name], frame.line or "")):
        return DataError(
            f"a batch can't be prepared{place_of(error)}, {frame.line}: "
            f"{described(error)}",
            f"Check {step} in the spec: it has to fit the samples that the data gives.",
        )
    if TEXT.search(str(error)):
        return DataError(
            "an input of the data is text, of which PyTorch has no tensors",
            "Give what the model takes: the numbers that stand for it.",
        )
    return DataError(
        f"the data can't be read{place_of(error)}: {described(error)}",
        remedy,
    )


def _step(loader: str, line: str) -> str:
    """The key of the transform that a line of a script does to a batch, "" for none."""
    names = [name for what, name in STEPS.items() if what in line]
    return f"{loader}.transform.{names[0]}" if names else ""


def held_to(batches: Batches, inputs: Sequence[Input]) -> Batches:
    """The same batches, each held against the declared inputs as it comes.

    Raises:
        DataError: From the batch that differs.
    """

    def checked() -> Iterator[tuple[Inputs, Any]]:
        for batch, labels in batches():
            check_shapes(inputs, shapes_of(batch))
            check_ranges(inputs, batch)
            yield batch, labels

    return checked


def check_ranges(inputs: Sequence[Input], batch: Inputs) -> None:
    """Hold the values of a batch against the stated ranges.

    Raises:
        DataError: One lies outside: what was proven of the range is not so for it.
    """
    for declared, value in zip(inputs, batch, strict=False):
        array = None if declared.range is None else array_of(value)
        if array is None or not array.size or declared.range is None:
            continue
        least, most = declared.range
        outside = array[(array < least) | (array > most)]
        if outside.size:
            raise DataError(
                f"input {declared.name} holds {outside.flat[0]!s}, {declared.by} says "
                f"{least:g} to {most:g}",
                "State a wider range, or mend the data.",
            )


UNPACKED = re.compile(r"to unpack \(expected (?P<named>\d+)(, got (?P<given>\d+))?\)")
"""What Python says where the script unpacks another number of inputs."""

STEPS = {".transpose(": "Transpose", " - mean) / std": "Normalize"}
"""What a script writes for transforms of whole batches that not all arrays bear."""

TEXT = re.compile(r"can't convert np\.ndarray of type numpy\.(str|bytes|object)_")
"""What PyTorch says where a script makes tensors of text."""
