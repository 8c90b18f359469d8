"""Indices that a model can't look up: which input holds them, and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ...common.errors import NarrowcastError
from ...evaluation.batches import all_inputs
from ...evaluation.identity import array_of
from .slots import Slots

BEYOND = (
    re.compile(r"= (?P<value>-?\d+) is not in \[0, (?P<size>\d+)\)"),
    re.compile(r"idx=(?P<value>-?\d+) must be within .*\[-(?P<size>\d+),\d+\]"),
    re.compile(
        r"index (?P<value>-?\d+) is out of bounds for .* with size (?P<size>\d+)"
    ),
    re.compile(r"index out of range in self|operator contains indices out of bound"),
)
"""How TensorFlow, ONNX Runtime, PyTorch and MXNet say so, where they don't read on."""

Ends = dict[str, tuple[int, int]]
"""Input of whole numbers → the least and the largest in it."""


@contextmanager
def indices_told(slots: Slots, model: Any) -> Iterator[None]:
    """Say of an index that is beyond its table which input holds it.

    Raises:
        NarrowcastError: What was raised, with that.
    """
    try:
        yield
    except NarrowcastError as error:
        found = next((m for each in BEYOND if (m := each.search(str(error)))), None)
        if found is None:
            raise
        ends: Ends = {}
        with suppress(NarrowcastError):
            ends = _ends(slots, model)
        value, size = found.groupdict().get("value"), found.groupdict().get("size")
        if value is not None:
            held = int(value)
            ends = {k: v for k, v in ends.items() if v[0] <= held <= v[1]}
        if not ends:
            raise
        message = f"{error.message}; {_held(ends)}"
        remedy = _remedy(tuple(ends), size, slots.made_up)
        raise type(error)(message, remedy) from (error.__cause__ or error)


def _ends(slots: Slots, model: Any) -> Ends:
    """Of each input that holds whole numbers, the least and the largest of all data."""
    inputs = slots.inputs or slots.adapter.signature(model)
    found: Ends = {}
    for batch in all_inputs(slots.batches):
        for each, value in zip(inputs, batch, strict=False):
            array = array_of(value)
            if array is None or array.dtype.kind not in "iu" or not array.size:
                continue
            least, most = int(np.min(array)), int(np.max(array))
            before = found.get(each.name, (least, most))
            found[each.name] = (min(least, before[0]), max(most, before[1]))
    return found


def _held(ends: Ends) -> str:
    said = " and ".join(
        f"{name} ({low} to {most})" for name, (low, most) in ends.items()
    )
    if len(ends) == 1:
        return f"input {said} holds an index beyond what it points into"
    return f"one of the inputs {said} holds an index beyond what it points into"


def _remedy(names: Sequence[str], size: str | None, made_up: bool) -> str:
    """What to write of the input."""
    whose = names[0] if len(names) == 1 else "that input"
    most, of = "LAST", ", LAST being the last row of its table"
    if size is not None:
        most, of = str(int(size) - 1), ""
    write = f"rite `range: [0, {most}]` for {whose} under model.inputs{of}"
    if made_up:
        return f"W{write}: random inputs are drawn from it."
    return f"Mend the data, and w{write}: data is held to it."
