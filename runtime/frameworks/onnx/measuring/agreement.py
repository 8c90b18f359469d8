"""The prepared fp32 model must compute what the model as loaded computes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial

import numpy as np
import onnx_ir as ir

from ....common.errors import ModelError
from ...measuring import agreement
from ...protocol import Array, Outputs
from ..ir import serialization
from ..ir.inline import Calls
from ..ir.naming import name_all
from ..ir.prepared import Prepared
from ..running.interpreter import observe
from ..running.ort_session import OrtSession, readable
from ..running.predict import remedy
from ..running.session import Executor, shortened

LARGE = 1_500_000_000
"""Bytes of weights beyond which ONNX Runtime stands in for the runtime."""


def check_agreement(
    loaded: ir.Model,
    plain: ir.Model,
    prepared: Prepared,
    calls: Calls,
    batch: Sequence[Array],
    executor: Executor,
    outputs: Sequence[str] = (),
) -> None:
    """As `agreement.check_agreement`, in the runtime that the model is for.

    In ONNX Runtime if the model is large: there the weights need not be packed, which
    would take their memory once more.

    Args:
        plain: The loaded model as it was handed to preparation.

    Raises:
        ModelError: Or the runtime does not take the model.
    """
    again = partial(_outputs, loaded, batch, executor, "the model as loaded")
    expected = again()
    found = _outputs(prepared.model, batch, executor, "the prepared model")
    cause = partial(
        agreement.why_it_differs,
        expected,
        again,
        lambda: expected,  # the file is the graph: nothing was captured
        "",
        lambda: _first_divergence(plain, prepared, calls, batch),
    )
    own = [str(value.name) for value in loaded.graph.outputs]
    if len(own) != len(expected):  # a sequence is as many outputs as it has elements
        named = not outputs or len(outputs) == len(own)
        own, outputs = [], () if named else outputs
    moved = cache(partial(_moved, plain, batch, executor))
    agreement.check_agreement(expected, found, cause, outputs, own, moved)


def _outputs(
    model: ir.Model, batch: Sequence[Array], executor: Executor, what: str
) -> Outputs:
    large = serialization.weight_bytes(model) >= LARGE
    try:
        if large:
            return OrtSession(serialization.Opened(readable(model)), optimized=False)(
                batch
            )
        return executor.compile(model)(batch)
    except ModelError:
        raise
    except Exception as error:  # whatever the runtime raises at this model
        title = "ONNX Runtime" if large else executor.title
        raise ModelError(
            f"{title} does not run {what}: {shortened(error)}",
            remedy(model),
        ) from error


def _moved(plain: ir.Model, batch: Sequence[Array], executor: Executor) -> Outputs:
    """What comes out if all inputs and weights are off by 8 units in the last place.

    Vectors stay: some are shapes and scales, which say how large things are.
    """
    random = np.random.default_rng(0)

    def next_to(values: Array) -> Array:
        factor = 1 + random.choice([-1, 1], values.shape) * 2.0**-20
        return np.asarray(values.astype(np.float32) * factor, np.float32)

    copy = plain.clone()
    for graph in copy.graphs():
        for value in graph.initializers.values():
            tensor = value.const_value
            if tensor is None or tensor.dtype != ir.DataType.FLOAT:
                continue
            if len(tensor.shape) > 1:
                made = next_to(tensor.numpy())
                value.const_value = ir.Tensor(made, name=tensor.name)
    given = [next_to(each) if each.dtype == np.float32 else each for each in batch]
    return _outputs(copy, given, executor, "the model with its last places changed")


def _first_divergence(
    plain: ir.Model, prepared: Prepared, calls: Calls, batch: Sequence[Array]
) -> str:
    """Id of the first op that preparation made compute something else, "" if none."""
    before = observe(plain, name_all(plain, calls), batch).values
    names = name_all(prepared.model, calls)
    after = observe(prepared.model, names, batch).values
    made = {op.id: prepared.told.makes.get(op.id, op.id) for op in names.ops}
    return agreement.first_divergence(
        (name, before[own], after[name])
        for name, own in made.items()
        if own in before and name in after
    )
