"""The prepared fp32 model must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ....common.errors import ModelError
from ...comparing import relative_error
from ...protocol import Array
from ..ir import serialization
from ..ir.inline import Calls
from ..ir.naming import name_all
from ..ir.prepared import Prepared
from ..running.observing import observe
from ..running.reference import OrtSession, readable
from ..running.session import Executor, shortened

LARGE = 1_500_000_000
"""Bytes of weights beyond which ONNX Runtime stands in for the runtime."""

NOISE = 1e-4
"""Largest relative RMS that reordered fp32 sums explain in a deep network."""


def check_agreement(
    loaded: ir.Model,
    plain: ir.Model,
    prepared: Prepared,
    calls: Calls,
    batch: Sequence[Array],
    executor: Executor,
    outputs: Sequence[str] = (),
) -> None:
    """Compare the outputs on one batch, in the runtime that the model is for.

    In ONNX Runtime if the model is large: there the weights need not be packed, which
    would take their memory once more.

    Args:
        plain: The loaded model as it was handed to preparation.
        outputs: Their names in the spec, for messages; their number must fit.

    Raises:
        ModelError: They differ by more than fp32 noise; the first op that does is named.
            Or the runtime does not take the model.
    """
    expected = _outputs(loaded, batch, executor, "the model as loaded")
    found = _outputs(prepared.model, batch, executor, "the prepared model")
    if outputs and len(outputs) != len(expected):
        raise ModelError(
            f"the model has {len(expected)} outputs, model.outputs names {len(outputs)}"
        )
    own = [str(value.name) for value in loaded.graph.outputs]
    for name, reference, value in zip(own, expected, found, strict=True):
        difference = _difference(reference, value)
        if difference:
            raise ModelError(
                f"output {name} of the prepared fp32 graph differs from the model as "
                f"loaded: {difference}",
                _cause(loaded, plain, prepared, calls, batch, executor, expected),
            )


def _outputs(
    model: ir.Model, batch: Sequence[Array], executor: Executor, what: str
) -> tuple[Array, ...]:
    large = serialization.weight_bytes(model) >= LARGE
    try:
        if large:
            return OrtSession(serialization.Opened(readable(model)), optimized=False)(
                batch
            )
        return executor.compile(model)(batch)
    except Exception as error:  # whatever the runtime raises at this model
        raise ModelError(
            f"{'ONNX Runtime' if large else executor.title} does not run {what}: {shortened(error)}",
            "Try another `model.runtime`, or export the model in another opset.",
        ) from error


def _cause(
    loaded: ir.Model,
    plain: ir.Model,
    prepared: Prepared,
    calls: Calls,
    batch: Sequence[Array],
    executor: Executor,
    expected: Sequence[Array],
) -> str:
    again = _outputs(loaded, batch, executor, "the model as loaded")
    if any(map(_difference, expected, again)):
        return "The model itself gives another result each time it is called."
    first = first_divergence(plain, prepared, calls, batch)
    return (
        f"Preparation changed it first at {first or 'an op that is not seen'}: values "
        "there leave the range of fp32, or this is a bug in narrowcast."
    )


def first_divergence(
    plain: ir.Model, prepared: Prepared, calls: Calls, batch: Sequence[Array]
) -> str:
    """Id of the first op that preparation made compute something else, "" if none."""
    reference = observe(plain, name_all(plain, calls), batch).values
    names = name_all(prepared.model, calls)
    found = observe(prepared.model, names, batch).values
    for op in names.ops:
        known = _first(op.id, prepared.makes, reference)
        if known is not None and op.id in found and _difference(known, found[op.id]):
            return op.id
    return ""


def _first(
    name: str, makes: Mapping[str, str], values: Mapping[str, Array]
) -> Array | None:
    return values.get(makes.get(name, name))


def _difference(reference: Array, value: Array) -> str:
    """How far two tensors are apart in words, "" if it is fp32 noise."""
    if reference.shape != value.shape or reference.dtype != value.dtype:
        return f"{reference.dtype} {reference.shape} became {value.dtype} {value.shape}"
    if reference.dtype.kind != "f":
        count = int(np.sum(reference != value))
        return f"{count} of {reference.size} values" if count else ""
    error = relative_error(reference, value)
    if error <= NOISE:
        return ""
    return f"relative error {error:.1e}, fp32 noise is at most {NOISE:.0e}"
