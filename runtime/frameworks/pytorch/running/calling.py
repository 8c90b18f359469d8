"""Between a flat batch and the arguments of a model's forward()."""

from __future__ import annotations

import copy
import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx
from torch.fx.graph import _PyTreeCodeGen
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from ....common.errors import ModelError
from ...protocol import Inputs

Parameters = Mapping[str, inspect.Parameter]

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
BY_POSITION = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


@dataclass(frozen=True)
class Binding:
    """How a flat batch becomes the arguments of a call.

    Attributes:
        spec: The form of `(args, kwargs)`, its leaves in the batch's order; None
            where each element is one positional argument.
        narrow: Place in the batch → the 16 bits in which the model takes what the batch
            has in fp32.
    """

    spec: TreeSpec | None = None
    narrow: Mapping[int, torch.dtype] = field(default_factory=dict)

    def __call__(self, batch: Inputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments."""
        batch = self.narrowed(batch)
        if self.spec is None:
            return tuple(batch), {}
        args, kwargs = tree_unflatten(list(batch), self.spec)
        return tuple(args), kwargs

    def narrowed(self, batch: Inputs) -> Inputs:
        """The batch with fp32 in 16 bits where the model takes these."""
        return tuple(
            each.to(self.narrow[k])
            if k in self.narrow and each.dtype is torch.float32
            else each
            for k, each in enumerate(batch)
        )


def recorded(model: Callable[..., Any]) -> Binding:
    """The binding that torch.export recorded in a module; by position without one."""
    graph = getattr(model, "graph", None)
    codegen = graph._codegen if isinstance(graph, fx.Graph) else None
    if not isinstance(codegen, _PyTreeCodeGen):
        return Binding()
    assert isinstance(graph, fx.Graph)
    return Binding(codegen.pytree_info.in_spec, _narrow(graph))


def _narrow(graph: fx.Graph) -> dict[int, torch.dtype]:
    """Place of an input → its dtype, of those in 16 bits."""
    taken = enumerate(graph.find_nodes(op="placeholder"))
    dtypes = {k: getattr(node.meta.get("val"), "dtype", None) for k, node in taken}
    return {
        k: dtype
        for k, dtype in dtypes.items()
        if dtype in (torch.bfloat16, torch.float16)
    }


def by_name(model: Callable[..., Any], names: Sequence[str]) -> Binding:
    """Bind inputs to the parameters of forward() that they are named after.

    The leading parameters, in order, go by position and all others by keyword.
    `batch.image` is key "image" of the dict `batch`, `pair.0` element 0 of the tuple
    `pair`. If no name is a parameter, all go by position.

    Raises:
        ModelError: Some names are parameters and some are not, an argument that
            forward() needs is not named, or the parts of one are out of order.
    """
    parameters = inspect.signature(_forward(model)).parameters
    paths = {name: name.split(".") for name in names}
    roots = list(dict.fromkeys(path[0] for path in paths.values()))
    whole = not any("." in name for name in names)
    if whole and not _named(parameters, roots):
        _check_complete(model, names, {})
        return Binding()
    count = _leading(parameters, roots)
    for root in roots[count:]:
        if not _known(parameters, root):
            raise _unknown(model, parameters, root)
    args, kwargs = _arguments(list(paths.values()), roots, count)
    leaves, spec = tree_flatten((args, kwargs))
    if leaves != list(range(len(names))) or _misnumbered((*args, *kwargs.values())):
        raise ModelError(
            f"model.inputs names the parts of an argument out of order: {', '.join(names)}",
            "Write the parts of one argument one after the other, a tuple's from 0 on.",
        )
    _check_complete(model, args, kwargs)
    return Binding(spec)


def explicit(model: torch.nn.Module, keywords: Sequence[str]) -> torch.nn.Module:
    """The model with what goes into `**kwargs` as parameters of their own.

    torch.export takes dynamic shapes for no other. The model stays as it is; what is
    returned shares all its parts.
    """
    parameters = inspect.signature(model.forward).parameters
    if set(keywords) <= set(parameters):
        return model
    forward = model.forward

    @functools.wraps(forward)
    def named(*args: Any, **kwargs: Any) -> Any:
        return forward(*args, **kwargs)

    fixed = [
        p
        for p in parameters.values()
        if p.kind is not inspect.Parameter.VAR_KEYWORD and p.name not in keywords
    ]
    own = [inspect.Parameter(k, inspect.Parameter.KEYWORD_ONLY) for k in keywords]
    vars(named)["__signature__"] = inspect.Signature([*fixed, *own])
    shared = copy.copy(model)
    vars(shared)["forward"] = named
    return shared


def with_values(model: torch.nn.Module, values: Mapping[str, Any]) -> torch.nn.Module:
    """As `Callee.with_values`: a copy that shares all parts, of a class of its own.

    Raises:
        ModelError: forward() has no such argument.
    """
    if isinstance(model, fx.GraphModule):  # which takes tensors alone
        return model
    original = inspect.signature(type(model).forward)
    for name in values:
        if not _known(original.parameters, name):
            raise _unknown(model, original.parameters, name)
    forward = type(model).forward

    @functools.wraps(forward)
    def given(*args: Any, **kwargs: Any) -> Any:
        known = original.bind_partial(*args, **kwargs).arguments
        rest = {name: each for name, each in values.items() if name not in known}
        return forward(*args, **kwargs, **rest)

    vars(given)["__signature__"] = _without(original, values)
    name, shared = type(model).__name__, copy.copy(model)
    shared.__class__ = type(name, (type(model),), {"forward": given})
    return shared


def _without(signature: inspect.Signature, names: Iterable[str]) -> inspect.Signature:
    """Without these; what comes after one is given by its name."""
    kept: list[inspect.Parameter] = []
    behind = False
    for each in signature.parameters.values():
        if each.name in names:
            behind = True
        elif behind and each.kind in BY_POSITION:
            kept.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        elif not behind or each.kind not in VARIADIC[:1]:
            kept.append(each)
    return inspect.Signature(kept)


def _forward(model: Callable[..., Any]) -> Callable[..., Any]:
    return model.forward if isinstance(model, torch.nn.Module) else model


def _known(parameters: Parameters, root: str) -> bool:
    """Whether forward() takes an argument of that name; `*args` take none by name."""
    kinds = {p.kind for p in parameters.values()}
    if root in parameters and parameters[root].kind not in VARIADIC:
        return True
    return inspect.Parameter.VAR_KEYWORD in kinds and VARIADIC[0] not in kinds


def _named(parameters: Parameters, roots: Sequence[str]) -> bool:
    """Whether the names mean parameters: one is, or there are none but `**kwargs`."""
    own = {p.name for p in parameters.values() if p.kind not in VARIADIC}
    kinds = {p.kind for p in parameters.values()}
    return bool(own & set(roots)) or kinds == {VARIADIC[1]}


def _leading(parameters: Parameters, roots: Sequence[str]) -> int:
    """How many of the names go by position; all where `*args` take the rest."""
    plain = [p.name for p in parameters.values() if p.kind in BY_POSITION]
    fits = [a == b for a, b in zip(roots, plain, strict=False)]
    count = fits.index(False) if False in fits else len(fits)
    rest = any(p.kind is VARIADIC[0] for p in parameters.values())
    unnamed = not any(_known(parameters, root) for root in roots[count:])
    return len(roots) if rest and count == len(plain) and unnamed else count


def _arguments(
    paths: Sequence[Sequence[str]], roots: Sequence[str], count: int
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments; their leaves are places in the batch."""
    parts = [(path, k) for k, path in enumerate(paths)]
    tree = {
        root: _tree([(p[1:], k) for p, k in parts if p[0] == root]) for root in roots
    }
    args = tuple(tree[root] for root in roots[:count])
    return args, {root: tree[root] for root in roots[count:]}


def _tree(parts: Sequence[tuple[Sequence[str], int]]) -> Any:
    """The argument whose parts, by their paths, are these places in the batch."""
    if not parts[0][0]:
        return parts[0][1]
    keys = list(dict.fromkeys(path[0] for path, _place in parts if path))
    found = {
        key: _tree([(path[1:], k) for path, k in parts if path and path[0] == key])
        for key in keys
    }
    if keys == [str(k) for k in range(len(keys))]:
        return tuple(found.values())
    return found


def _misnumbered(arguments: Iterable[Any]) -> bool:
    """Whether numbers stand where they don't make a tuple from 0 on."""
    dicts = [value for value in arguments if isinstance(value, dict)]
    return any(key.isdecimal() for value in dicts for key in value)


def _unknown(
    model: Callable[..., Any], parameters: Parameters, root: str
) -> ModelError:
    names = [p.name for p in parameters.values() if p.kind not in VARIADIC]
    near = difflib.get_close_matches(root, names, 1)
    return ModelError(
        f"model.inputs names `{root}`, and {type(model).__name__}.forward() takes "
        f"{', '.join(names)}",
        f"Did you mean `{near[0]}`?" if near else "Name the arguments of forward().",
    )


def _check_complete(model: Callable[..., Any], args: Any, kwargs: Any) -> None:
    try:
        inspect.signature(_forward(model)).bind(*args, **kwargs)
    except TypeError as error:
        raise ModelError(
            f"model.inputs does not fit {type(model).__name__}.forward(): {error}",
            "Name every argument that has no default.",
        ) from error
