"""Inputs that nothing declares: bound to a model's arguments by what the data gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...common.errors import DataError, ModelError
from ...common.suggestion import suggestion
from ...evaluation.batches import Batches, first_inputs
from ...evaluation.sizes import Judged
from ...frameworks.adapter import Adapter, Callee
from ...frameworks.inputs import Arguments, Input
from ...frameworks.protocol import Inputs

BATCH = "batch"
"""The symbol for how many samples there are."""

FIRST = "the first batch"

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
    come last to be left out. All sizes are symbols, until all data was seen (`settled`):
    `batch` for the samples, `NAME_AXIS` for the others.

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
    samples = next((shape[0] for shape in shapes if shape), None)
    return tuple(
        Input(name, _symbols(name, shape, samples), _dtype(value), by=FIRST)
        for name, shape, value in zip(
            names or _names(called, len(batch)), shapes, batch, strict=True
        )
    )


def settled(
    inputs: Sequence[Input], batch: Inputs, judged: Judged
) -> tuple[Input, ...]:
    """Bound inputs after all data was seen: what never varied is a number.

    Sizes that were one in the batch, at least and at most have one name: torch.export
    does not take two for what is equal.

    Args:
        batch: The first.
        judged: What the sizes were in all data; () where only one batch was seen.
    """
    known: dict[tuple[int, int, int], str] = {}

    def size(symbol: int | str, first: int) -> int | str:
        if not isinstance(symbol, str) or symbol == BATCH:
            return symbol
        least, most = judged.get(symbol, (first, first))
        if least == most:
            return most
        return known.setdefault((first, least, most), symbol)

    return tuple(
        replace(each, shape=tuple(map(size, each.shape or (), shape)))
        for each, shape in zip(inputs, _shapes(batch), strict=True)
    )


def judged_of(inputs: Sequence[Input], judged: Judged) -> Judged:
    """What was judged of sizes that still have a name."""
    names = {symbol for each in inputs for symbol in each.dynamic.values()}
    return {symbol: seen for symbol, seen in judged.items() if symbol in names}


def _symbols(name: str, shape: tuple[int, ...], samples: int | None) -> tuple[str, ...]:
    stem = name.replace(".", "_")
    return tuple(
        BATCH if not axis and size == samples else f"{stem}_{axis}"
        for axis, size in enumerate(shape)
    )


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
                suggestion(name, called.names),
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
