"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ...common.errors import ModelError
from ..comparing import relative_error
from ..protocol import Array, Outputs

NOISE = 1e-4
"""Largest relative RMS that reordered fp32 sums explain in a deep network."""


def check_agreement(
    expected: Outputs,
    found: Outputs,
    cause: Callable[[], str],
    names: Sequence[str] = (),
    own: Sequence[str] = (),
    moved: Callable[[], Outputs] | None = None,
) -> None:
    """Compare the outputs on one batch.

    Args:
        expected: The model's as loaded.
        found: Those of the prepared graph.
        cause: Finds out why they differ.
        names: Of the outputs in the spec, for messages; their number must fit.
        own: The model's names for them, where it has any.
        moved: The model's as loaded with all numbers that it is given moved by a few units
            in the last place: an output that this changes as much is that ill
            conditioned. A sigmoid does so to numbers far below zero.

    Raises:
        ModelError: They differ by more than fp32 noise; the first that does is named,
            and the first op where preparation is to blame.
    """
    if len(expected) != len(found):
        raise ModelError(
            f"the traced fp32 graph has {len(found)} outputs, the model as loaded "
            f"{len(expected)}",
            cause(),
        )
    if names and len(names) != len(expected):
        raise ModelError(
            f"the model has {len(expected)} outputs, model.outputs names {len(names)}",
            f"Its outputs are {', '.join(own)}." if own else "",
        )
    labels = names or own or range(len(expected))
    for k, (label, reference, value) in enumerate(
        zip(labels, expected, found, strict=True)
    ):
        apart = moved is not None and difference(reference, value)
        if moved is not None and apart and explained(reference, value, moved()[k]):
            continue
        check_value(f"output {label}", reference, value, cause)


def check_value(
    label: str, reference: Array, value: Array, cause: Callable[[], str]
) -> None:
    """Hold one value of the prepared graph against the model's.

    Raises:
        ModelError: They differ by more than fp32 noise.
    """
    apart = difference(reference, value)
    if apart:
        raise ModelError(
            f"{label} of the traced fp32 graph differs from the model as loaded: {apart}",
            cause(),
        )


def difference(reference: Array, value: Array) -> str:
    """How far two arrays are apart in words, "" if it is fp32 noise."""
    if reference.shape != value.shape:
        return f"shape {value.shape} instead of {reference.shape}"
    if reference.dtype != value.dtype:
        return f"{value.dtype} instead of {reference.dtype}"
    if reference.dtype.kind != "f":
        count = int(np.sum(reference != value))
        return f"{count} of {reference.size} values" if count else ""
    broken = int(np.sum(np.isfinite(reference) & ~np.isfinite(value)))
    if broken:
        return f"{broken} of {reference.size} values are not finite"
    error = relative_error(reference, value)
    if error <= NOISE:
        return ""
    return f"relative error {error:.1e}, fp32 noise is at most {NOISE:.0e}"


ALIKE = 1.5
"""Times what a few units in the last place of all numbers change: still fp32 noise."""

WORST = 0.5
"""Relative RMS that no conditioning excuses."""


def explained(reference: Array, value: Array, moved: Array) -> bool:
    """Whether a difference is no larger than what the last bits of fp32 bring about."""
    if not reference.shape == value.shape == moved.shape:
        return False
    if reference.dtype != value.dtype:
        return False
    if reference.dtype.kind != "f":
        share = ALIKE * float(np.mean(reference != moved))
        return float(np.mean(reference != value)) <= min(share, WORST)
    bound = min(ALIKE * relative_error(reference, moved), WORST)
    return relative_error(reference, value) <= bound


def differ(expected: Sequence[Array], found: Sequence[Array]) -> bool:
    """Whether there are more or fewer values, or any that noise does not explain."""
    return len(expected) != len(found) or any(map(difference, expected, found))


def first_divergence(values: Iterable[tuple[str, Array, Array]]) -> str:
    """Name of the first op that makes another value than it did, "" if none does.

    Args:
        values: Op, what it made before preparation, what it makes after it.
    """
    return next((name for name, one, other in values if difference(one, other)), "")


def why_it_differs(
    expected: Outputs,
    again: Callable[[], Outputs],
    captured: Callable[[], Outputs],
    fixed: str,
    first: Callable[[], str],
) -> str:
    """Of the steps from the model to the prepared graph, the one to blame.

    Args:
        again: Calls the model as loaded once more.
        captured: Runs the graph as it was before preparation.
        fixed: What to say if that graph computes something else than the model.
        first: Finds the first op that preparation changed (`first_divergence`).
    """
    if differ(expected, again()):
        return "The model itself gives another result each time it is called."
    if differ(expected, captured()):
        return fixed
    return (
        f"Preparation changed it first at {first() or 'an op that is not seen'}: values "
        "there leave the range of fp32, or this is a bug in narrowcast."
    )
