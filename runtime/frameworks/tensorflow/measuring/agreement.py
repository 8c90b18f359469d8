"""The prepared fp32 graph must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ....common.errors import ModelError
from ...comparing import relative_error
from ...protocol import Array, Inputs, Outputs, Predict
from ..ir.frozen import Frozen
from ..ir.naming import flat
from ..ir.regions import Region, regions
from ..preparation.identities import IDENTITIES
from ..running import eager
from ..running.interpreter import Interpreter, Value

NOISE = 1e-4
"""Largest relative RMS that reordered fp32 sums explain in a deep network."""


def check_agreement(
    model: Predict,
    frozen: Frozen,
    prepared: Frozen,
    main: Region,
    inputs: Inputs,
    names: Sequence[str] = (),
) -> None:
    """Compare the outputs on one batch.

    Args:
        model: As loaded, called on batches.
        frozen: The model before it was prepared.
        main: The regions of the prepared one.
        names: Of the outputs, for messages; their number must fit.

    Raises:
        ModelError: They differ by more than fp32 noise; the first that does is named,
            and the first op where preparation is to blame.
    """
    expected = model(inputs)
    found = [eager.widened(v) for v in Interpreter(main, prepared.weights).run(inputs)]
    if names and len(names) != len(expected):
        raise ModelError(
            f"the model has {len(expected)} outputs, model.outputs names {len(names)}",
            f"Its outputs are {', '.join(each.name for each in frozen.outputs)}.",
        )
    if [_form(array) for array in expected] != [_form(array) for array in found]:
        raise ModelError(
            "the frozen graph's outputs have other shapes or dtypes than the model's",
            _cause(model, frozen, prepared, main, inputs, expected),
        )
    called = names or [each.name for each in frozen.outputs]
    for name, reference, value in zip(called, expected, found, strict=True):
        difference = _difference(reference, value)
        if difference:
            raise ModelError(
                f"output {name} of the prepared fp32 graph differs from the model as "
                f"loaded: {difference}",
                _cause(model, frozen, prepared, main, inputs, expected),
            )


def _cause(
    model: Predict,
    frozen: Frozen,
    prepared: Frozen,
    main: Region,
    inputs: Inputs,
    expected: Outputs,
) -> str:
    if any(map(_difference, expected, model(inputs))):
        return "The model itself gives another result each time it is called."
    before, after = _Values(regions(frozen)), _Values(main)
    outputs = [eager.widened(value) for value in before.run(inputs)]
    if any(map(_difference, expected, outputs)):
        return (
            "Freezing changed it: the model's variables or Python code depend on calls."
        )
    after.run(inputs)
    first = first_divergence(before.values, after.values, _folded(prepared))
    return (
        f"Preparation changed it first at {first or 'an unknown op'}: values there leave "
        "the range of fp32, or this is a bug in narrowcast."
    )


def _folded(prepared: Frozen) -> frozenset[str]:
    """Nodes that make another value than they did, since a later node is part of them."""
    return frozenset(
        name
        for name, absorbed in prepared.absorbed.items()
        if any(a.id != name and a.type not in IDENTITIES for a in absorbed)
    )


def first_divergence(
    before: Mapping[str, Any], after: Mapping[str, Any], folded: frozenset[str]
) -> str:
    """Name of the first tensor that preparation made another, "" if none."""
    for name, value in after.items():
        if name in before and name not in folded and _difference(before[name], value):
            return name
    return ""


class _Values(Interpreter):
    """Keeps what each op makes, by its name."""

    def __init__(self, main: Region) -> None:
        super().__init__(main)
        self.values: dict[str, Array] = {}

    def made(self, region: Region, name: str, values: list[Value]) -> None:
        for index, value in enumerate(values):
            if value.dtype not in (tf.variant, tf.resource):
                self.values[region.within(flat(name, index))] = eager.widened(value)


def _form(array: Array) -> tuple[tuple[int, ...], str]:
    return array.shape, array.dtype.name


def _difference(reference: Array, value: Array) -> str:
    """How far two arrays are apart in words, "" if it is fp32 noise."""
    if reference.dtype.kind != "f":
        if reference.shape != value.shape:
            return f"shape {value.shape} for {reference.shape}"
        count = int((reference != value).sum())
        return f"{count} of {reference.size} values" if count else ""
    error = relative_error(reference, value)
    if error <= NOISE:
        return ""
    return f"relative error {error:.1e}, fp32 noise is at most {NOISE:.0e}"
