"""Binding a saved network as deployments do: by `mx.mod.Module`, from the shapes of its
inputs alone."""

from __future__ import annotations

import warnings
from typing import Any

from ....common.errors import ModelError, RunningError
from ...protocol import Inputs
from ..ir.arrays import given, on_device
from ..ir.library import mx, said_by
from ..ir.network import Network, symbol
from ..ir.operators import draws


def check_module(network: Network, batch: Inputs) -> None:
    """Run a network on a batch in a Module, where MXNet can do that at all.

    It can't where inputs differ in their first size, nor where an operator's sizes
    follow from arrays alone (`_cond`).

    Raises:
        ModelError: The Module does not take the network.
    """
    arrays = [given(value) for value in batch]
    names = [network.nodes[index].name for index in network.inputs]
    if not names or len({array.shape[:1] for array in arrays} - {()}) != 1:
        return
    shapes = dict(zip(names, (array.shape for array in arrays), strict=True))
    found = symbol(network)
    try:
        unknown = _unknown(network, found, shapes)
        if unknown:
            raise _unbound(f"it can't tell the shape of {unknown[0]}")
        if _known_throughout(found, shapes):
            _run(network, found, names, arrays)
    except mx.base.MXNetError as error:
        raise _unbound(said_by(error)) from error


def _unknown(
    network: Network, found: Any, shapes: dict[str, tuple[int, ...]]
) -> list[str]:
    """Parameters whose sizes MXNet can't infer; those without sizes are never known."""
    inferred = _inferred(found, shapes)
    return [
        name
        for name, sizes in inferred.items()
        if name in network.parameters
        and network.parameters[name].size
        and network.parameters[name].ndim
        and sizes != network.parameters[name].shape
    ]


def _inferred(
    found: Any, shapes: dict[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    sizes, _outputs, states = found.infer_shape_partial(**shapes)
    named = zip(found.list_arguments(), sizes or (), strict=False)
    held = zip(found.list_auxiliary_states(), states or (), strict=False)
    return {**dict(named), **dict(held)}


def _known_throughout(found: Any, shapes: dict[str, tuple[int, ...]]) -> bool:
    internals = found.get_internals()
    _sizes, outputs, _states = internals.infer_shape_partial(**shapes)
    return bool(outputs) and all(sizes and 0 not in sizes for sizes in outputs)


def _run(network: Network, found: Any, names: list[str], arrays: list[Any]) -> None:
    labels = [network.nodes[index].name for index in sorted(network.labels)]
    module = mx.mod.Module(found, data_names=names, label_names=labels or None)
    described = [
        mx.io.DataDesc(name, array.shape, array.dtype)
        for name, array in zip(names, arrays, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels are not given
        module.bind(described, for_training=False)
    values = {name: on_device(v) for name, v in network.parameters.items()}
    states = {name: values.pop(name) for name in network.auxiliary}
    module.set_params(values, states)
    if any(map(draws, network.nodes)):
        return  # the next batch's random numbers are not to change
    module.forward(mx.io.DataBatch(arrays), is_train=False)
    for output in module.get_outputs():
        output.wait_to_read()


def _unbound(said: str) -> ModelError:
    return RunningError(
        f"mx.mod.Module can't bind the saved model: {said}",
        "It was written wrongly: report it. symbol.bind runs it.",
    )
