"""What the spec says of a model's inputs, held against real data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import DataError
from ..common.suggestion import suggestion

UNSAID: Any = ...
"""For the value of an input that may have any."""

ASSUMED = "what is assumed"
"""Who says what an input is like that neither model nor data says."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the model.

    Attributes:
        name: For messages.
        shape: Sizes; a symbol stands for one that varies, equal symbols for equal sizes.
            None where only the model knows.
        dtype: NumPy's name; None where only the model knows.
        largest: Symbol → the most that it may be; others may be any size.
        range: The least and the largest of its values, both included; None for any.
        values: A `.npy` file of samples that stand for it where there is no data.
        value: What it always is: a number, or nested tuples of them; no data gives it.
        by: Who says all this, for messages.
    """

    name: str
    shape: tuple[int | str, ...] | None = None
    dtype: str | None = None
    largest: Mapping[str, int] = field(default_factory=dict, hash=False)
    by: str = field(default="model.inputs", compare=False)
    range: tuple[float, float] | None = None
    values: Path | None = None
    value: Any = UNSAID

    @property
    def dynamic(self) -> dict[int, str]:
        """Dimension → symbol."""
        return {
            k: size for k, size in enumerate(self.shape or ()) if isinstance(size, str)
        }

    @property
    def fixed(self) -> bool:
        """Whether it always has the same value."""
        return self.value is not UNSAID


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a model is called with, where it declares no more than that.

    Attributes:
        call: What is called, for messages: `Net.forward()`.
        names: Of all that can be named, in the order of the call.
        required: Those that must be given.
        optional: Those that may be, and may be tensors.
        more: Whether any number may follow them by position.
        any_name: Whether others may be named.
    """

    call: str
    names: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    more: bool = False
    any_name: bool = False


@dataclass
class Calls:
    """What a model was called with.

    Attributes:
        first: Argument → tensor of the first call, as it was before the call.
        shapes: Of these arguments, in that order: of each call that had the same.
    """

    first: dict[str, Any] = field(default_factory=dict)
    shapes: list[tuple[tuple[int, ...], ...]] = field(default_factory=list)


def by_declared(declared: Sequence[Input], own: Sequence[Input]) -> dict[str, Input]:
    """Declared name → the model's input: by name, or by order where no name fits."""
    named = {each.name: each for each in own}
    if len(own) == len(declared) and not any(each.name in named for each in declared):
        return {each.name: mine for each, mine in zip(declared, own, strict=True)}
    return named


def ends(inputs: Sequence[Input], names: Sequence[str]) -> dict[str, float]:
    """Input of a graph → the largest magnitude that is stated of it.

    Args:
        inputs: In the batch's order.
        names: The graph's inputs: called as the model's, or in the batch's order.
    """
    own = [each.name for each in inputs]
    called = own if set(own) <= set(names) else names
    stated = {name: _end(each) for name, each in zip(called, inputs, strict=False)}
    return {name: most for name, most in stated.items() if most is not None}


def _end(one: Input) -> float | None:
    """The largest magnitude: what always is the same has its own."""
    if one.fixed:
        numbers = list(_numbers(one.value))
        return max(map(abs, numbers)) if numbers else None
    return None if one.range is None else max(map(abs, one.range))


def _numbers(value: Any) -> Iterator[float]:
    """Those of a value, however deep; text has none."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float):
        yield float(value)


def places(own: Sequence[str], declared: Sequence[str]) -> list[int]:
    """For each of a model's inputs its place in a batch.

    Args:
        own: Their names, in the model's order.
        declared: The batch's, in its order; none for the model's own.

    Raises:
        DataError: A declared name is not the model's, or one of the model's is missing.
    """
    names = list(declared or own)
    for name in names:
        if name not in own:
            raise DataError(
                f"model.inputs names `{name}`, which is no input of the model",
                suggestion(name, own),
            )
    missing = [name for name in own if name not in names]
    if missing:
        raise DataError(
            f"model.inputs leaves out `{missing[0]}`, which the model takes",
            f"Name all of its inputs: {', '.join(own)}.",
        )
    return [names.index(name) for name in own]


def check_shapes(inputs: Sequence[Input], shapes: Sequence[tuple[int, ...]]) -> None:
    """Hold the shapes of a batch against the declared ones.

    Raises:
        DataError: Their number, a rank or a size differs.
    """
    if len(inputs) != len(shapes):
        by = inputs[0].by if inputs else "model.inputs"
        raise DataError(
            f"the data gives {len(shapes)} inputs, {by} names {len(inputs)}",
            f"Make the data and {by} agree.",
        )
    symbols: dict[str, int] = {}
    for declared, shape in zip(inputs, shapes, strict=True):
        if declared.shape is None:
            continue
        fits = len(declared.shape) == len(shape) and all(
            size == (symbols.setdefault(want, size) if isinstance(want, str) else want)
            for want, size in zip(declared.shape, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join(map(str, declared.shape))
            raise DataError(
                f"input {declared.name} has shape {shape}, {declared.by} says ({wanted})",
                _remedy(declared.shape, shape),
            )
        for symbol, most in declared.largest.items():
            if symbols.get(symbol, 0) > most:
                raise DataError(
                    f"input {declared.name} has shape {shape}: {symbol} is "
                    f"{symbols[symbol]}, model.inputs says at most {most}",
                    "State a larger size in model.inputs, or cut the samples to it.",
                )


def _remedy(declared: tuple[int | str, ...], shape: tuple[int, ...]) -> str:
    if len(declared) == len(shape) and declared[1:] == shape[1:]:
        return (
            "If the last batch is smaller, write `last_batch: discard`, or a symbol such "
            "as `batch` for the size that varies."
        )
    return "Make model.inputs agree with the data as its transforms leave it."
