"""What a run is handed, and what its model and its data say themselves, as slots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

from ...evaluation.batches import Batches
from ...frameworks.adapter import Adapter, Callee
from ...frameworks.inputs import ASSUMED, Input
from ...record.sources import Sources
from .binding import bound_inputs, check_declared, declared_inputs
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
        ModelError: Nothing says what the model takes.
        DataError: The first batch is not what it takes.
    """
    declared = tuple(inputs) or declared_inputs(adapter, model)
    made_up = isinstance(batches, Fed) and batches.data is None
    if made_up and not declared:
        check_declared(adapter, model)
    names: Sequence[str] = ()
    assumed: tuple[Input, ...] = ()
    if isinstance(batches, Fed):
        names = batches.names
        signature = cache(partial(_signature, adapter, model))
        if made_up and not declared:
            assumed = tuple(each for each in signature() if each.by == ASSUMED)
        batches = batches.batches(declared, signature)
    slots = Slots(
        adapter, load_model, batches, declared, sources, made_up, assumed=assumed
    )
    if declared:
        return slots
    bound = bound_inputs(adapter, model, batches, names)
    return replace(slots, inputs=bound, bound=bool(bound))


def _signature(adapter: Adapter, model: Any) -> tuple[Input, ...]:
    """What orders the data: arguments without sizes are bound to it instead."""
    if isinstance(adapter, Callee):
        return declared_inputs(adapter, model)
    return adapter.signature(model)
