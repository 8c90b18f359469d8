"""What a run is handed, and what its model and its data say themselves, as slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from ...evaluation.batches import Batches
from ...evaluation.data.random.synthetic import described, draws
from ...evaluation.sizes import Judged, joined
from ...frameworks.adapter import Adapter, Callee
from ...frameworks.inputs import ASSUMED, UNSAID, Calls, Input
from ...frameworks.protocol import Inputs
from ...record.sources import Sources
from .binding import bound_inputs, check_declared, declared_inputs, of_batch
from .conforming import Conforming, fitting, wanted
from .fed import Fed
from .slots import Slots


def filled(
    adapter: Adapter,
    load_model: Callable[[], Any],
    model: Any,
    batches: Batches | Fed,
    inputs: Sequence[Input],
    sources: Sources,
) -> Slots:
    """The slots of a model that was loaded.

    Args:
        inputs: What the spec says of them.

    Raises:
        DataError: The first batch is not what it takes.
    """
    listed, inputs = _listed(adapter, _fed(adapter, inputs))
    declared = tuple(inputs) or declared_inputs(adapter, model)
    made_up = isinstance(batches, Fed) and batches.data is None
    if made_up and not declared and isinstance(adapter, Callee):
        return Slots(adapter, load_model, _nothing, (), sources, made_up, unfed=True)
    names: Sequence[str] = listed
    assumed: tuple[Input, ...] = ()
    signature = cache(partial(_signature, adapter, model))
    if isinstance(batches, Fed):
        names = batches.names or listed
        if made_up and not declared:
            assumed = tuple(each for each in signature() if each.by == ASSUMED)
        batches = batches.batches(declared, signature)
    own = wanted(declared, signature())
    batches = Conforming(batches, own, adapter.as_tensor)
    slots = Slots(
        adapter,
        load_model,
        batches,
        declared,
        sources,
        made_up,
        assumed=assumed,
        drawn=draws(described(declared, signature()), declared) if made_up else {},
    )
    if not declared:
        bound = bound_inputs(adapter, model, batches, names)
        slots = replace(slots, inputs=bound, bound=bool(bound))
    return slots if made_up else _fitted(slots, model, own)


def _fitted(slots: Slots, model: Any, own: tuple[Input, ...]) -> Slots:
    """The slots, with batches in the dtypes that the model was found to take."""
    asked = own or tuple(replace(each, dtype=None) for each in slots.inputs)
    asked = tuple(replace(each, value=UNSAID) for each in asked)  # a batch has them
    found = fitting(slots.adapter, model, slots.batches, asked)
    if found == asked:
        return slots
    batches = Conforming(slots.batches, found, slots.adapter.as_tensor)
    dtypes = {each.name: each.dtype for each in found}
    inputs = tuple(
        replace(each, dtype=dtypes[each.name] or each.dtype) for each in slots.inputs
    )
    changed = tuple(each for each in found if each not in asked)
    return replace(slots, batches=batches, inputs=inputs, fitted=changed)


def handed(
    adapter: Adapter,
    load_model: Callable[[], Any],
    model: Any,
    inputs: Sequence[Input],
) -> tuple[Callable[[], Any], Any]:
    """The model, and what loads it, with the arguments that the spec gives a value.

    Raises:
        ModelError: It has no such argument.
    """
    fed = _fed(adapter, inputs)
    values = {each.name: each.value for each in inputs if each not in fed}
    if not values or not isinstance(adapter, Callee):
        return load_model, model
    return WithValues(load_model, adapter.with_values, values), adapter.with_values(
        model, values
    )


@dataclass(frozen=True)
class WithValues:
    """Loads a model whose arguments have values that no batch gives.

    Attributes:
        with_values: As `Callee.with_values`.
    """

    load_model: Callable[[], Any]
    with_values: Callable[[Any, Mapping[str, Any]], Any]
    values: Mapping[str, Any]

    def __call__(self) -> Any:
        return self.with_values(self.load_model(), self.values)


def _fed(adapter: Adapter, inputs: Sequence[Input]) -> tuple[Input, ...]:
    """Those that are tensors: a value without a shape is an argument as it stands."""
    if not isinstance(adapter, Callee):
        return tuple(inputs)
    return tuple(each for each in inputs if not each.fixed or each.shape is not None)


def _listed(
    adapter: Adapter, inputs: Sequence[Input]
) -> tuple[tuple[str, ...], Sequence[Input]]:
    """Inputs of which only the names are said, and the others: all, or none."""
    if isinstance(adapter, Callee) and all(each.shape is None for each in inputs):
        return tuple(each.name for each in inputs), ()
    return (), inputs


def check_fed(slots: Slots, model: Any) -> None:
    """Hold to what was handed over, or the model, to say what it takes.

    Raises:
        ModelError: Nothing does: the remedy is what to write.
    """
    if slots.unfed:
        check_declared(slots.adapter, model)


def seen(slots: Slots, model: Any, calls: Calls) -> tuple[Slots, Judged]:
    """The slots by what the user's own code called the model with, and its sizes.

    Raises:
        ModelError: It called the model with nothing.
        DataError: What it was called with can't be told from the call.
    """
    if not calls.first:
        check_declared(slots.adapter, model)
    batches = partial(_once, tuple(calls.first.values()))
    inputs = bound_inputs(slots.adapter, model, batches, tuple(calls.first))
    sizes: Judged = {}
    for shapes in calls.shapes:
        sizes = joined(sizes, of_batch(inputs, shapes))
    fed = replace(slots, batches=batches, inputs=inputs, bound=True, unfed=False)
    return fed, sizes


def _nothing() -> Iterator[tuple[Inputs, None]]:
    yield from ()


def _once(inputs: Inputs) -> Iterator[tuple[Inputs, None]]:
    yield inputs, None


def _signature(adapter: Adapter, model: Any) -> tuple[Input, ...]:
    """What orders the data: arguments without sizes are bound to it instead."""
    if isinstance(adapter, Callee):
        return declared_inputs(adapter, model)
    return adapter.signature(model)
