"""The outputs that a spec selects: heads of a symbol, by MXNet's names or their nodes'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....common.suggestion import chosen
from ..ir.library import mx

ENDING = "_output"
"""What MXNet adds to the name of a node that has one output."""


def heads(found: Any, names: Sequence[str], place: str) -> list[int]:
    """The places of the outputs that are named `softmax_output`, or `softmax`.

    Raises:
        ModelError: The symbol has no output of a name.
    """
    known, count = _known(found), len(found.list_outputs())
    return [k % count for k in chosen(names, known, place, count)]


def select_outputs(found: Any, names: Sequence[str], place: str) -> Any:
    """The symbol with these outputs alone; inner ones too, by MXNet's full names.

    What leads to none of them is no part of it, inputs included.

    Raises:
        ModelError: The symbol has no output of a name.
    """
    known, count = _known(found), len(found.list_outputs())
    internals = found.get_internals()
    inner = internals.list_outputs()
    variables = {*found.list_arguments(), *found.list_auxiliary_states()}
    hidden = [name for name in inner if name not in {*known, *variables}]
    kept = chosen(names, known + hidden, place, count)
    if kept == list(range(count)):
        return found
    return grouped(
        found[k % count]
        if k < len(known)
        else internals[inner.index(hidden[k - len(known)])]
        for k in kept
    )


def grouped(parts: Any) -> Any:
    """One symbol of several."""
    found = list(parts)
    return found[0] if len(found) == 1 else mx.sym.Group(found)


def _known(found: Any) -> list[str]:
    """MXNet's names of the outputs, then the nodes'."""
    own = list(found.list_outputs())
    return own + [name.removesuffix(ENDING) for name in own]
