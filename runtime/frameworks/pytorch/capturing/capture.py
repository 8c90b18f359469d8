"""From the user's module to a graph of ATen operators, nothing decomposed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import fx

from ....common.errors import DataError, ModelError
from ...inputs import Input, check_shapes
from ...protocol import Inputs
from ..ir.in_place import replace_in_place_ops
from ..ir.nodes import mutates
from ..ir.regions import graphs
from ..running.calling import Binding, explicit
from ..running.state import mark
from . import fake_kernels
from .autocast import inline_switched_off
from .plain_outputs import return_built_ins
from .recurrent import shapes_only
from .untraceable import check_outputs, quiet, untraceable

Dynamic = Sequence[Mapping[int, str]]
"""For each input: dimension → the symbol that names it ({0: "batch"})."""

Bounds = Mapping[str, tuple[int, int | None]]
"""Symbol → least and largest size, None for no limit."""

BOUND = re.compile(
    r"(?P<name>\w+) = Dim\('\w+'(, min=(?P<min>\d+))?(, max=(?P<max>\d+))?\)"
)


OTHER_CASE = re.compile(
    r"specified range (?P<least>\d+) <= (?P<name>\w+)( <= (?P<most>\d+))? "
    r"satisfy the generated guard .* != \d+\.?$",
    re.MULTILINE,
)

ATTEMPTS = 3
"""To export: as asked, in the ranges that torch suggests, and without an edge of them."""


def export(
    model: torch.nn.Module,
    bind: Binding,
    inputs: Inputs,
    dynamic: Dynamic,
    names: Sequence[str] = (),
    stated: Mapping[str, int] | None = None,
) -> torch.export.ExportedProgram:
    """Export in torch's default IR, called as `bind` says.

    Args:
        stated: Symbol → the largest size, where the spec says one.
        names: Of the inputs, for messages.

    Raises:
        ModelError: torch.export can't trace the model; it names the line or the size.
    """
    wide = _widened(inputs, dynamic)
    bounds: Bounds = {symbol: (1, most) for symbol, most in (stated or {}).items()}
    fake_kernels.register()
    for _attempt in range(ATTEMPTS):
        try:
            return _exported(model, bind, wide, dynamic, bounds)
        except ModelError:
            raise
        except Exception as error:
            failure = error
        narrower = _suggested_bounds(str(failure)) or _without_least(str(failure))
        if not narrower:
            break
        bounds = {**bounds, **narrower}
    raise untraceable(failure, list(zip(names, dynamic, strict=False))) from failure


def unlifted(program: torch.export.ExportedProgram) -> fx.GraphModule:
    """The program as a GraphModule with get_attr weights that writes only its state.

    Raises:
        ModelError: The model changes an input while it runs.
    """
    module = _module(program)
    for graph in graphs(module):
        replace_in_place_ops(graph)
    if not any(_mutating(module)):
        return module
    with shapes_only(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # torch's of itself
        module = _module(program.run_decompositions({}))
    mark(module, _mutating(module))
    return module


def _mutating(module: fx.GraphModule) -> Iterator[fx.Node]:
    for graph in graphs(module):
        yield from filter(mutates, graph.graph.nodes)


def _module(program: torch.export.ExportedProgram) -> fx.GraphModule:
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    return_built_ins(module)
    inline_switched_off(module)
    return module


def _exported(
    model: torch.nn.Module,
    bind: Binding,
    inputs: Inputs,
    dynamic: Dynamic,
    bounds: Bounds,
) -> torch.export.ExportedProgram:
    symbols = sorted({name for axes in dynamic for name in axes.values()})
    dims = {name: _dim(name, *bounds.get(name, (1, None))) for name in symbols}
    shapes = torch.export.ShapesCollection()  # type: ignore[no-untyped-call]
    for value, axes in zip(inputs, dynamic, strict=False):
        shapes[value] = {axis: dims[name] for axis, name in axes.items()}
    args, kwargs = bind(inputs)
    called = explicit(model, list(kwargs))
    given: Any = shapes
    with torch.no_grad(), shapes_only(), quiet(), warnings.catch_warnings():
        # RNN modules list their weights a second time; export puts the list back.
        warnings.filterwarnings("ignore", message="The tensor attribute")
        program = torch.export.export(called, args, kwargs, dynamic_shapes=given)
    check_outputs(program)
    return program


def _dim(name: str, least: int, most: int | None) -> torch.export.Dim:
    return torch.export.Dim(name, min=least, max=most)


def _suggested_bounds(message: str) -> Bounds:
    """Ranges that torch.export asks for; none if it asks for anything else.

    A table of 512 positions bounds the sequence by itself, and no spec says so.
    """
    _before, _, fixes = message.partition("Suggested fixes:")
    lines = [line.strip() for line in fixes.strip().split("\n\n")[0].splitlines()]
    matches = [BOUND.fullmatch(line) for line in lines]
    return {
        match["name"]: (
            int(match["min"] or 1),
            int(match["max"]) if match["max"] else None,
        )
        for match in matches
        if match and all(matches)
    }


def _without_least(message: str) -> Bounds:
    """Ranges without a smallest size that torch.export takes for another case.

    What a convolution leaves of it is a single pixel, and that has other strides.
    """
    return {
        match["name"]: (
            int(match["least"]) + 1,
            int(match["most"]) if match["most"] else None,
        )
        for match in OTHER_CASE.finditer(message)
    }


def _widened(inputs: Inputs, dynamic: Dynamic) -> Inputs:
    """Tensors that torch.export can tell apart, their dynamic sizes at least 2.

    It takes a size of 1 as fixed, and one tensor in two places as one input.
    """
    wide = [value.clone() for value in inputs]
    for k, axes in enumerate(dynamic):
        for axis in axes:
            if wide[k].shape[axis] == 1:
                wide[k] = torch.cat([wide[k], wide[k]], dim=axis)
    return tuple(wide)


def check_batch(batch: Inputs, inputs: Sequence[Input]) -> None:
    """Hold a batch against what the spec declares.

    Raises:
        DataError: It is no tuple of tensors, or a shape or a dtype differs.
    """
    for k, value in enumerate(batch):
        if not isinstance(value, torch.Tensor):
            raise DataError(
                f"input {k} is {type(value).__name__}, not a torch.Tensor",
                "Let batches() yield a tuple of tensors and the labels.",
            )
    check_shapes(inputs, [tuple(value.shape) for value in batch])
    for value, declared in zip(batch, inputs, strict=True):
        dtype = str(value.dtype).removeprefix("torch.")
        if declared.dtype not in (None, dtype):
            raise DataError(
                f"input {declared.name} is {dtype}, model.inputs says {declared.dtype}",
                f"Write dtype: {dtype} in model.inputs, or give {declared.dtype}.",
            )
