"""From the user's module to a graph of ATen operators, nothing decomposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import fx

from ...errors import DataError, ModelError
from ...signature import Input, check_shapes
from ..protocol import Inputs
from . import nodes

Dynamic = Sequence[Mapping[int, str]]
"""For each input: dimension → the symbol that names it ({0: "batch"})."""


def export(
    model: torch.nn.Module, inputs: Inputs, dynamic: Dynamic
) -> torch.export.ExportedProgram:
    """Export in torch's default IR.

    Raises:
        ModelError: torch.export can't trace the model, in its words.
    """
    if not isinstance(model, torch.nn.Module):
        raise ModelError(
            f"the model is {type(model).__name__}, not a torch.nn.Module",
            "Let the factory return the module itself.",
        )
    try:
        with torch.no_grad():
            return torch.export.export(
                model,
                _widened(inputs, dynamic),
                dynamic_shapes=_shapes(inputs, dynamic),
            )
    except Exception as error:
        raise ModelError(
            f"torch.export can't trace the model: {_first_lines(error)}",
            "Python control flow that depends on values, and sizes that the spec calls "
            "dynamic but the model fixes, are the usual causes.",
        ) from error


def unlifted(program: torch.export.ExportedProgram) -> fx.GraphModule:
    """The program as a GraphModule with get_attr weights and no mutating op.

    Raises:
        ModelError: The model changes a buffer while it runs.
    """
    module = program.module(check_guards=False)
    if any(_mutates(node) for node in module.graph.nodes):
        module = program.run_decompositions({}).module(check_guards=False)
    for node in module.graph.nodes:
        if _mutates(node):
            raise ModelError(
                f"the model changes its state while it runs: {node.format_node()}",
                "Models whose buffers change can't be converted yet; call .eval(), or "
                "let forward() leave the buffer alone.",
            )
    return module


def _shapes(inputs: Inputs, dynamic: Dynamic) -> tuple[dict[int, object], ...]:
    symbols = sorted({name for axes in dynamic for name in axes.values()})
    dims = {name: torch.export.Dim(name, min=1) for name in symbols}
    axes = [*dynamic, *({} for _ in inputs[len(dynamic) :])]
    return tuple({axis: dims[name] for axis, name in one.items()} for one in axes)


def _widened(inputs: Inputs, dynamic: Dynamic) -> Inputs:
    """Inputs whose dynamic sizes are at least 2: torch.export takes 1 as fixed."""
    wide = list(inputs)
    for k, axes in enumerate(dynamic):
        for axis in axes:
            if wide[k].shape[axis] == 1:
                wide[k] = torch.cat([wide[k], wide[k]], dim=axis)
    return tuple(wide)


def check_batch(batch: Inputs, inputs: Sequence[Input]) -> None:
    """Hold a batch against what the spec declares.

    Raises:
        DataError: It is no tuple of tensors, or a shape differs.
    """
    for k, value in enumerate(batch):
        if not isinstance(value, torch.Tensor):
            raise DataError(
                f"input {k} is {type(value).__name__}, not a torch.Tensor",
                "Let batches() yield a tuple of tensors and the labels.",
            )
    check_shapes(inputs, [tuple(value.shape) for value in batch])


def _mutates(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return nodes.is_op(node) and schema is not None and schema.is_mutable


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3]) or type(error).__name__
