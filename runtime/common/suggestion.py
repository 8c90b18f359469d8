"""Names that the user wrote, held against those that there are."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from .errors import ModelError, ModelNote

MOST = 10
"""Names that a message lists."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to write instead of a name that is not among these, as a sentence."""
    names = list(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(map(_quoted, near))}?"
    return f"There {'is' if len(names) == 1 else 'are'} {_listed(names)}."


def chosen(
    wanted: Sequence[str], known: Sequence[str], place: str, count: int = 0
) -> list[int]:
    """The places among `known` of what `model.outputs` names; all outputs without names.

    Names of which none is the model's are the user's own, if there is one for each,
    which is noted.

    Args:
        known: Names of all outputs, once or more than once over.
        count: Of the outputs, 0 if `known` has each once. Its first are their names.

    Raises:
        ModelError: The model has no output of a name.
    """
    count = count or len(known)
    free = len(wanted) == count and not set(wanted) & set(known)
    if wanted and free:
        text = (
            f"model.outputs names {_listed(wanted)}, {place} has {_listed(known[:count])}: "
            "they are taken in order, and the saved model keeps its own names"
        )
        warnings.warn(text, ModelNote, stacklevel=3)
    if not wanted or free:
        return list(range(count))
    for name in wanted:
        if name not in known:
            raise ModelError(
                f"{place} has no output {name}, which model.outputs names",
                suggestion(name, list(dict.fromkeys(known))),
            )
    return [list(known).index(name) for name in wanted]


def _listed(names: Sequence[str]) -> str:
    more = f", and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"{', '.join(map(_quoted, names[:MOST])) or 'none'}{more}"


def _quoted(name: str) -> str:
    return f"`{name}`"
