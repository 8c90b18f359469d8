"""Inputs for a spec that names no data: they show ranges of nothing real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.suggestion import suggestion
from ....frameworks.feeding.dtypes import STRING, conformed
from ....frameworks.inputs import Input, by_declared

Values = npt.NDArray[Any]

UNWRITTEN = "float32"
"""The dtype of an input of which nobody says it."""


def random_array(
    shape: tuple[int, ...],
    dtype: str,
    generator: np.random.Generator,
    within: tuple[float, float] | None = None,
) -> Values:
    """Standard normal floats; integers 0 and 1, which any table has rows for.

    Args:
        within: The least and the largest value instead, of which all are as likely;
            both occur where there is room.
    """
    floats = np.dtype(dtype).kind == "f"
    if within is None:
        if floats:
            return generator.standard_normal(shape).astype(dtype)
        return generator.integers(0, 2, shape).astype(dtype)
    least, largest = within
    if floats:
        found = np.asarray(generator.uniform(least, largest, shape))
    else:
        found = np.asarray(generator.integers(int(least), int(largest) + 1, shape))
    # What overflows at an end of the range must show.
    flat = found.reshape(-1)
    flat[: min(2, flat.size)] = (largest, least)[: flat.size]
    return flat.reshape(shape).astype(dtype)


def random_inputs(
    declared: Sequence[Input],
    batch_size: int,
    generator: np.random.Generator,
    signature: Sequence[Input] = (),
    inside: int | None = None,
) -> tuple[Values, ...]:
    """One array for each declared input, or for each of the model's own.

    Inputs that always have the same value are left out.

    Args:
        declared: What the spec says; it wins where it says something.
        batch_size: For what is left open of how many samples there are.
        signature: What the model says of its inputs; without it, the spec says all.
        inside: For what is left open of a sample; `batch_size` unless given.

    Raises:
        DataError: The model has no input of a name, or leaves a shape open, or takes
            text; or a file of values can't be read.
    """
    whole = described(declared, signature)
    _check_shapes(whole)
    inside = batch_size if inside is None else inside
    sizes = dict.fromkeys(_counting(whole), batch_size)
    return tuple(_drawn(each, sizes, inside, generator) for each in whole)


def _counting(whole: Sequence[Input]) -> set[str]:
    """The symbols that count samples: "batch" where one is called so, else all that
    come first in a shape."""
    shapes = [each.shape or () for each in whole]
    symbols = {size for shape in shapes for size in shape if isinstance(size, str)}
    first = {size for shape in shapes for size in shape[:1] if isinstance(size, str)}
    return {BATCH} if BATCH in symbols else {BATCH, *first}


def described(declared: Sequence[Input], signature: Sequence[Input]) -> list[Input]:
    """What spec and model say together of each input that is made up.

    Raises:
        DataError: The model has no input of a name.
    """
    own = by_declared(declared or signature, signature or declared)
    whole = [_whole(each, own) for each in declared or signature]
    return [each for each in whole if not each.fixed]


def draws(whole: Sequence[Input], declared: Sequence[Input] = ()) -> Mapping[str, str]:
    """Input → which values it got, in a few words: "in [0, 999]", "always 7".

    Args:
        whole: What is made up.
        declared: What the spec says, of inputs that always are the same too.
    """
    fixed = (each for each in declared if each.fixed)
    constant = {each.name: f"always {_brief(each.value)}" for each in fixed}
    return {each.name: _draws(each) for each in whole} | constant


def _brief(value: Any) -> str:
    """A value, as a spec has it, where that is short."""
    text = str(value).replace("(", "[").replace(",)", "]").replace(")", "]")
    return text if len(text) <= BRIEF else "what model.inputs says"


def _draws(whole: Input) -> str:
    if whole.values is not None:
        return f"from {whole.values.name}"
    if whole.range is not None:
        least, largest = (f"{end:g}" for end in whole.range)
        return f"in [{least}, {largest}]"
    if whole.dtype == STRING:
        return "text"
    kind = np.dtype(whole.dtype or UNWRITTEN).kind
    return "standard normal" if kind == "f" else "0 or 1"


def _whole(declared: Input, own: Mapping[str, Input]) -> Input:
    """What either says of an input."""
    known = own.get(declared.name)
    if known is None:
        raise DataError(
            f"model.inputs names `{declared.name}`, which is no input of the model",
            suggestion(declared.name, own),
        )
    shape = known.shape if declared.shape is None else declared.shape
    return replace(declared, shape=shape, dtype=declared.dtype or known.dtype)


def _check_shapes(whole: Sequence[Input]) -> None:
    open_ = [each.name for each in whole if each.shape is None and not each.values]
    if open_:
        several = len(open_) > 1
        what = f"input{'s' * several} {', '.join(open_)} ha{'ve' if several else 's'}"
        raise DataError(
            f"the model does not say what shape its {what}, and there is no data to tell",
            f"Give data (--data), or write under model: `inputs: [{_rows(whole)}]`",
        )


def _rows(inputs: Sequence[Input]) -> str:
    """The inputs as a spec has them: dots, and a dtype, for what only the user knows."""
    return ", ".join(map(_row, inputs))


BRIEF = 24
"""Characters that a value may have to be told."""


def _row(each: Input) -> str:
    sizes = OPEN if each.shape is None else each.shape
    shape = ", ".join(map(str, sizes))
    dtype = "" if each.dtype else f", dtype: {UNWRITTEN}"
    return f"{{name: {each.name}, shape: [{shape}]{dtype}}}"


BATCH = "batch"
OPEN = (BATCH, "...")


def _drawn(
    whole: Input,
    counts: Mapping[str, int],
    inside: int,
    generator: np.random.Generator,
) -> Values:
    """Values of an input.

    Args:
        counts: Symbol → its size, of those that count samples.
        inside: The size that all others have.
    """

    def sized(size: int | str) -> int:
        return size if isinstance(size, int) else counts.get(size, inside)

    if whole.values is not None:
        return _samples(whole, whole.values, sized((whole.shape or (BATCH,))[0]))
    shape, dtype = whole.shape or (), whole.dtype or UNWRITTEN
    if dtype == STRING:
        raise DataError(
            f"input {whole.name} takes text or bytes, and none can be made up",
            f"Give data (--data), or samples: inputs: [{{name: {whole.name}, "
            "values: FILE.npy}].",
        )
    return random_array(tuple(map(sized, shape)), dtype, generator, whole.range)


def _samples(whole: Input, path: Path, count: int) -> Values:
    """The first `count` samples of a file, over and over where it has fewer.

    Raises:
        DataError: It is missing, no `.npy` file, or holds nothing that an input takes.
    """
    name = f"input {whole.name}"
    try:
        found = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(
            f"the values of {name} are missing: there is no {path}",
            "Check `values` under model.inputs: a path relative to the spec.",
        ) from error
    except Exception as error:  # NumPy's parser has errors of its own
        raise DataError(
            f"{path.name}, the values of {name}, can't be read: {error}",
            "It must be written by numpy.save, without pickled objects.",
        ) from error
    if not isinstance(found, np.ndarray) or not found.ndim or not len(found):
        raise DataError(
            f"{path.name}, the values of {name}, holds no samples",
            "numpy.save an array of (samples, ...).",
        )
    rows = np.arange(count) % len(found)
    return conformed(found[rows], whole.dtype, name)
