"""Inputs that nothing declares: bound to a model's arguments by what the data gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from ...common.errors import DataError, ModelError
from ...common.suggestion import suggestion
from ...evaluation.batches import Batches, all_inputs, first_inputs
from ...evaluation.data.arrays import CALLED
from ...evaluation.sizes import Judged, differences, joined, named, pair
from ...frameworks.adapter import Adapter, Callee
from ...frameworks.inputs import Arguments, Input
from ...frameworks.protocol import Inputs

BATCH = "batch"
"""The symbol for how many samples there are."""

FIRST = "the first batch"

SEEN = 32
"""Batches that are read for their sizes where nothing judges them all."""

LISTED = 10
"""Arguments that a message lists."""


def declared_inputs(adapter: Adapter, model: Any) -> tuple[Input, ...]:
    """What a model that is called with arguments declares of them itself.

    () where it says no sizes, or where the framework knows the inputs of all models.
    """
    if not isinstance(adapter, Callee):
        return ()
    own = adapter.signature(model)
    return own if all(each.shape is not None for each in own) else ()


def check_declared(adapter: Adapter, model: Any) -> None:
    """Hold a model to say what can be made up for it.

    Raises:
        ModelError: It says no sizes: the remedy is what to write.
    """
    if not isinstance(adapter, Callee) or declared_inputs(adapter, model):
        return
    called = adapter.arguments(model)
    names = called.required or called.optional[:1] or ("x",)
    rows = (f"{{name: {each}, shape: [batch, ...], dtype: float32}}" for each in names)
    raise ModelError(
        f"nothing says which shapes {called.call} takes: there is no data, and the spec "
        "names no inputs",
        f"Give --data, or an eval_func that calls the model, or write under model: "
        f"`inputs: [{', '.join(rows)}]`",
    )


def bound_inputs(
    adapter: Adapter, model: Any, batches: Batches, names: Sequence[str] = ()
) -> tuple[Input, ...]:
    """The inputs of a model that declares none, as the first batch has them.

    Each is an argument: by the batch's own names, else by order, where optional ones
    come last to be left out. All sizes are symbols of their own, until all data was seen
    (`settled`): `batch` for the first, which counts the samples, else `NAME_AXIS`.

    Args:
        names: What the batch calls its elements, in its order.

    Raises:
        DataError: Names or number are not those of the arguments.
    """
    if not isinstance(adapter, Callee):
        return ()
    batch = first_inputs(batches)
    called = adapter.arguments(model)
    if names:
        _check_names(called, names)
    shapes = _shapes(batch)
    first = next((k for k, shape in enumerate(shapes) if shape), None)
    return tuple(
        Input(name, _symbols(name, len(shape), k == first), _dtype(value), by=FIRST)
        for k, (name, shape, value) in enumerate(
            zip(names or _names(called, len(batch)), shapes, batch, strict=True)
        )
    )


def first_sizes(inputs: Sequence[Input], batches: Batches) -> Judged:
    """What the sizes are in the first batches, and how far apart."""
    found: Judged = {}
    for batch in islice(all_inputs(batches), SEEN):
        found = joined(found, of_batch(inputs, _shapes(batch)))
    return found


def of_batch(inputs: Sequence[Input], shapes: Sequence[tuple[int, ...]]) -> Judged:
    """What the sizes of bound inputs are in one batch, and how far apart."""
    sizes = {symbol: (size, size) for symbol, size in named(inputs, shapes).items()}
    return joined(sizes, differences(inputs, shapes))


def settled(
    inputs: Sequence[Input], batch: Inputs, judged: Judged
) -> tuple[Input, ...]:
    """Bound inputs after all data was seen: a size that never varied is a number.

    Sizes that were always the same have one name, since torch.export takes no two for
    what is equal: so it is with how many samples each input has.

    Args:
        batch: The first.
        judged: What the sizes were in all data, and how far apart (`of_batch`).
    """
    shapes = _shapes(batch)
    firsts = named(inputs, shapes)
    known: list[str] = []

    def size(symbol: str, axis: int) -> int | str:
        first = firsts[symbol]
        same = (name for name in known if _apart(name, symbol, firsts, judged) == 0)
        shared = next(same, None)
        least, most = judged.get(symbol, (first, first))
        if symbol != BATCH and least == most and not (axis == 0 and shared == BATCH):
            return most
        if shared is None:
            known.append(symbol)
        return shared or symbol

    return tuple(
        replace(each, shape=tuple(size(s, axis) for axis, s in each.dynamic.items()))
        for each in inputs
    )


def _apart(a: str, b: str, firsts: Mapping[str, int], judged: Judged) -> int:
    """The most that two sizes ever differed."""
    first = abs(firsts[a] - firsts[b])
    return judged.get(pair(a, b), (first, first))[1]


def judged_of(inputs: Sequence[Input], judged: Judged) -> Judged:
    """What was judged of sizes that still have a name, but for that of the samples."""
    names = {
        symbol
        for each in inputs
        for axis, symbol in each.dynamic.items()
        if axis or symbol != BATCH
    }
    return {symbol: sizes for symbol, sizes in judged.items() if symbol in names}


def _symbols(name: str, rank: int, counts: bool) -> tuple[str, ...]:
    """A symbol for each dimension, of which the first may count the samples."""
    own = [f"{name.replace('.', '_')}_{axis}" for axis in range(rank)]
    return (BATCH, *own[1:]) if counts else tuple(own)


def _shapes(batch: Inputs) -> list[tuple[int, ...]]:
    for k, value in enumerate(batch):
        if not hasattr(value, "shape"):
            raise DataError(
                f"input {k} is {type(value).__name__}, not a tensor",
                "Let the data give arrays or tensors, and the labels.",
            )
    return [tuple(map(int, value.shape)) for value in batch]


def _dtype(value: Any) -> str:
    return str(value.dtype).rpartition(".")[2]


def _names(called: Arguments, count: int) -> list[str]:
    """The arguments that a batch of so many elements is, in the order of the call."""
    free = count - len(called.required)
    if free < 0 or (free > len(called.optional) and not called.more):
        raise DataError(
            f"the data gives {count} inputs, {_taken(called)}",
            "Make the data and the model agree; several inputs of one sample are a "
            "tuple.",
        )
    chosen = {*called.required, *called.optional[:free]}
    more = [f"more_{k}" for k in range(free - len(called.optional))]
    return [name for name in called.names if name in chosen] + more


def _check_names(called: Arguments, names: Sequence[str]) -> None:
    for name in names:
        if name not in called.names and not called.any_name:
            raise DataError(
                f"the data names an input `{name}`, {_taken(called)}",
                f"{suggestion(name, called.names)} {CALLED}".strip(),
            )
    missing = [name for name in called.required if name not in names]
    if missing:
        raise DataError(
            f"the data has no input `{missing[0]}`: it names {', '.join(names)}, "
            f"{_taken(called)}",
            "Name the inputs as the arguments of the model.",
        )


def _taken(called: Arguments) -> str:
    taken = ", ".join(called.required[:LISTED])
    able = ", ".join(called.optional[:LISTED])
    also = f"{' and' * bool(taken)} may take {able}" if able else ""
    return f"{called.call} {f'takes {taken}' if taken else 'needs none'}{also}"
