"""Inputs and outputs in 16 bits, where the spec frees their dtype."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...common.errors import DataError, ModelError
from ...common.suggestion import suggestion
from ...frameworks.inputs import Input
from ...frameworks.protocol import Freeable, Traced
from ...graph.graph import Graph, Precision


def freed(
    traced: Traced,
    low: Precision,
    declared: Sequence[Input],
    inputs: Iterable[str],
    outputs: Mapping[str, int],
    named: Sequence[str] = (),
) -> Traced:
    """The model with some inputs and outputs in `low`, the others as they were.

    Args:
        declared: The model's inputs, in the batch's order.
        inputs: Names of those that are freed.
        outputs: Name of an output that is freed → its place in `model.outputs`.
        named: All that `model.outputs` names: labels, where none is the model's own and
            there is one for each.

    Raises:
        DataError: The model has no such input or output, or it is not fp32.
        ModelError: The adapter keeps all dtypes, or an output is a constant.
    """
    if not isinstance(traced, Freeable):
        raise ModelError(
            "the spec frees the dtype of inputs or outputs, which is not written for "
            "this framework yet",
            "Leave dtype: bfloat16 and dtype: float16 out of model.inputs and "
            "model.outputs: they stay float32.",
        )
    graph = traced.graph
    given = {_input(graph, declared, name): low for name in inputs}
    own = traced.own_outputs
    if len(named) == len(graph.outputs) and own.keys().isdisjoint(named):
        own = {}
    returned = {
        _output(graph, own, name, place): low for name, place in outputs.items()
    }
    return traced.freed(replace(graph, given=given, returned=returned))


def _input(graph: Graph, declared: Sequence[Input], name: str) -> str:
    """The graph's name of an input: as the model has it, or by its place."""
    own = [each.name for each in declared]
    if name not in own:
        said = f"model.inputs frees `{name}`, which is no input of the model"
        raise DataError(said, suggestion(name, own))
    called = own if set(own) <= set(graph.inputs) else graph.inputs
    return _checked(graph, called[own.index(name)], "inputs", name)


def _output(graph: Graph, own: Mapping[str, str], name: str, place: int) -> str:
    """The graph's name of an output: as the model has it, else by its place."""
    if own and name not in own:
        said = f"model.outputs frees `{name}`, which is no output of the model"
        raise DataError(said, suggestion(name, own))
    if not own and place >= len(graph.outputs):
        count = len(graph.outputs)
        raise DataError(
            f"model.outputs frees `{name}`, its output {place + 1}, and the model has "
            f"{count}",
            "Name the outputs in the order in which the model returns them.",
        )
    tensor = own[name] if own else graph.outputs[place]
    if graph.tensors[tensor].constant:
        raise ModelError(
            f"the output {name} is a constant: nothing computes it",
            f"Leave the dtype of {name} out of model.outputs.",
        )
    return _checked(graph, tensor, "outputs", name)


def _checked(graph: Graph, tensor: str, key: str, name: str) -> str:
    """The tensor, if its dtype may be freed."""
    known = graph.tensors.get(tensor)
    if known is None or not known.floating:
        dtype = "no tensor" if known is None else known.dtype
        raise DataError(
            f"model.{key} frees the dtype of `{name}`, which is {dtype}",
            "Only float32 can become 16 bits: leave its dtype out.",
        )
    return tensor


def notes(traced: Traced) -> tuple[str, ...]:
    """What was done to the model, and what those who run it must know of its borders."""
    graph = traced.graph
    own = traced.own_outputs if isinstance(traced, Freeable) else {}
    names = {tensor: name for name, tensor in own.items()}
    parts = [
        f"{verb} {', '.join(names.get(each, each) for each in freed)} "
        f"in {next(iter(freed.values()))}"
        for verb, freed in (("takes", graph.given), ("returns", graph.returned))
        if freed
    ]
    told = (f"the converted model {' and '.join(parts)}",) if parts else ()
    return (*traced.notes, *told)
