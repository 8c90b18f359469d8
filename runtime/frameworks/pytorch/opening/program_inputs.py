"""An exported program's own inputs, held against what the spec declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.fx.graph import _PyTreeCodeGen
from torch.utils._pytree import TreeSpec, tree_flatten_with_path, tree_unflatten

from ....common.errors import ModelError
from ...inputs import Input


def check_inputs(program: ExportedProgram, inputs: Sequence[Input], place: str) -> None:
    """Hold a program to the declared inputs: by name, or by position if no name fits.

    Raises:
        ModelError: Number, names, dtypes or sizes differ, or the program fixes a size
            that the spec lets vary.
    """
    own = program_inputs(program)
    # A value without a shape is no tensor: torch.export baked it in.
    inputs = [each for each in inputs if not each.fixed or each.shape is not None]
    if len(own) != len(inputs):
        raise ModelError(
            f"{place} takes {len(own)} inputs ({_listed(own)}), model.inputs names "
            f"{len(inputs)}",
            "Name them all, in that order.",
        )
    unknown = [each.name for each in inputs if each.name not in own]
    if 0 < len(unknown) < len(inputs):
        raise ModelError(
            f"{place} takes {_listed(own)}; model.inputs names `{unknown[0]}`",
            "Write the program's own names.",
        )
    values = own.values() if unknown else [own[each.name] for each in inputs]
    for declared, value in zip(inputs, values, strict=True):
        for problem, remedy in _problems(declared, value):
            raise ModelError(f"{place} takes `{declared.name}` {problem}", remedy)
    _check_symbols(inputs, list(values), place)


def program_inputs(program: ExportedProgram) -> Mapping[str, torch.Tensor]:
    """Name → fake tensor of each input, in order; `d.key` and `pair.0` for parts.

    None, and numbers that were baked in, are no inputs.
    """
    metas = {n.name: n.meta.get("val") for n in _placeholders(program.graph)}
    user = [metas.get(str(name)) for name in program.graph_signature.user_inputs]
    signature = program.module_call_graph[0].signature
    names = list(signature.forward_arg_names or ()) if signature else []
    return _named(user, program.call_spec.in_spec, names)


def zero_inputs(program: ExportedProgram) -> Any:
    """Arguments of the sizes that a program was traced with, each one zero in memory.

    torch checks inputs by compiled guards in a module whose program has some, and by
    symbolic algebra, a third of a millisecond in each call, in one that has none. None
    where an input is a number that varies.
    """
    metas = {n.name: n.meta.get("val") for n in _placeholders(program.graph)}
    flat = [metas.get(str(each), each) for each in program.graph_signature.user_inputs]
    if any(isinstance(value, torch.SymInt) for value in flat):
        return None
    given = [
        torch.zeros((), dtype=value.dtype).expand(tuple(map(_traced, value.shape)))
        if isinstance(value, torch.Tensor)
        else value
        for value in flat
    ]
    return tree_unflatten(given, program.call_spec.in_spec)


def _traced(size: int | torch.SymInt) -> int:
    return size if isinstance(size, int) else int(size.node.hint)


def module_inputs(module: nn.Module) -> Mapping[str, torch.Tensor] | None:
    """The same of the module that a program holds; None if torch did not export it."""
    graph = module.graph if isinstance(module, fx.GraphModule) else None
    if graph is None or not isinstance(graph._codegen, _PyTreeCodeGen):
        return None
    form = graph._codegen.pytree_info
    values = [n.meta.get("val") for n in _placeholders(graph)]
    if len(values) != form.in_spec.num_leaves:
        return None
    return _named(values, form.in_spec, form.orig_args)


def _placeholders(graph: fx.Graph) -> list[fx.Node]:
    return list(graph.find_nodes(op="placeholder"))


def _named(
    values: Sequence[Any], spec: TreeSpec, names: Sequence[str]
) -> dict[str, torch.Tensor]:
    """The tensors among the leaves of `(args, kwargs)`, by their places in it."""
    tree = tree_unflatten(range(len(values)), spec)
    found = {}
    for path, k in tree_flatten_with_path(tree)[0]:
        value = values[k]
        if isinstance(value, torch.Tensor):
            steps = [
                str(getattr(step, "key", getattr(step, "idx", step))) for step in path
            ]
            head = steps[1]
            if steps[0] == "0" and int(head) < len(names):
                head = names[int(head)]
            found[".".join([head, *steps[2:]])] = value
    return found


def _problems(declared: Input, value: torch.Tensor) -> Iterator[tuple[str, str]]:
    dtype, shape = str(value.dtype).removeprefix("torch."), declared.shape or ()
    if declared.dtype not in (None, dtype):
        yield (
            f"as {dtype}, model.inputs says {declared.dtype}",
            f"Write dtype: {dtype}, or export it again.",
        )
    if len(value.shape) != len(shape):
        yield (
            f"in {len(value.shape)} dimensions, {_shown(value)}; model.inputs says "
            f"{len(shape)}",
            "Write the shape that it was exported for.",
        )
    for k, (size, wanted) in enumerate(zip(value.shape, shape, strict=False)):
        if not isinstance(size, int):
            continue
        if isinstance(wanted, str):
            yield (
                f"with dimension {k} fixed to {size}; model.inputs lets it vary "
                f"(`{wanted}`)",
                f"Export it with dynamic_shapes={{'{declared.name}': {{{k}: "
                f"torch.export.Dim('{wanted}')}}}}, or write {size} for `{wanted}`.",
            )
        elif size != wanted:
            yield (
                f"with dimension {k} fixed to {size}; model.inputs says {wanted}",
                f"Write {size}, or export it again for {wanted}.",
            )


def _check_symbols(
    inputs: Sequence[Input], values: Sequence[torch.Tensor], place: str
) -> None:
    """Sizes that are one to the program have one name in the spec."""
    seen: dict[str, tuple[int | str, str]] = {}
    for declared, value in zip(inputs, values, strict=True):
        for size, wanted in zip(value.shape, declared.shape or (), strict=True):
            if isinstance(size, int):
                continue
            known, where = seen.setdefault(str(size), (wanted, declared.name))
            if known != wanted:
                raise ModelError(
                    f"{place} takes `{where}` and `{declared.name}` with one size; "
                    f"model.inputs calls it `{known}` and `{wanted}`",
                    f"Write `{known}` in both places.",
                )


def _listed(own: Mapping[str, torch.Tensor]) -> str:
    return ", ".join(f"`{name}`" for name in own) or "none"


def _shown(value: torch.Tensor) -> str:
    return "(" + ", ".join(map(str, value.shape)) + ")"
