"""Transforms as the NumPy statements that a person would write."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec.sections.transforms.elementwise import (
    Cast,
    Normalize,
    Rescale,
    Transpose,
)

from ...writing.code import Code, dotted, literal
from ...writing.layout import WIDTH, Group, Item, laid_out, list_of, wrapped
from .step import Place, Step, Steps


def numpy_type(dtype: str) -> Code:
    """NumPy's type of that name."""
    return Code("np.bool_" if dtype == "bool" else f"np.{dotted(dtype)}")


def _rescale(_transform: Rescale, at: Place) -> Step:
    scaled = Code(f"{at.name}.astype(np.float32) / 255")
    return _step(wrapped(f"{at.name} = ", scaled, at.indent))


def _cast(transform: Cast, at: Place) -> Step:
    return _step(_method(at, "astype", (numpy_type(transform.dtype),)))


def _transpose(transform: Transpose, at: Place) -> Step:
    order = tuple(transform.perm)
    if at.batched:
        order = (0, *(axis + 1 for axis in order))
    return _step(_method(at, "transpose", tuple(map(literal, order))))


def _normalize(transform: Normalize, at: Place) -> Step:
    if len(transform.mean) == 1:
        mean, std = literal(transform.mean[0]), literal(transform.std[0])
        return _step(_shifted(at, mean, std))
    placed = _placed(at)

    def channels(known: str, values: Sequence[float]) -> Code:
        numbers = list_of(list(map(literal, values)))
        items: tuple[Item, ...] = (("", numbers), Code("np.float32"))
        made = Group("np.array(", items, f"){placed}")
        return laid_out(f"{known} = ", made, at.indent)

    return _step(
        channels("mean", transform.mean),
        channels("std", transform.std),
        _shifted(at, Code("mean"), Code("std")),
    )


STEPS: Steps = {
    Rescale: _rescale,
    Cast: _cast,
    Transpose: _transpose,
    Normalize: _normalize,
}


def _step(*statements: Code) -> Step:
    return Step(statements, (("numpy as np", ""),))


def _method(at: Place, method: str, arguments: tuple[Code, ...]) -> Code:
    """The variable becomes what one of its methods returns."""
    called = Group(f"{at.name}.{method}(", arguments, ")")
    if at.indent + len(f"{at.name} = {called.opening}") <= WIDTH:
        return laid_out(f"{at.name} = ", called, at.indent)
    flat = laid_out("", called, at.indent + 4)
    return wrapped(f"{at.name} = ", flat, at.indent)


def _placed(at: Place) -> str:
    """What puts one number per channel where the array has its channels."""
    if at.channels_last:
        return ""
    before = 1 + at.batched
    if at.rank is None:
        return f".reshape(-1, *(1,) * ({at.name}.ndim - {before}))"
    return f".reshape({', '.join(['-1', *['1'] * max(at.rank - before, 0)])})"


def _shifted(at: Place, mean: Code, std: Code) -> Code:
    name = at.name
    flat = f"{name} = ({name} - {mean}) / {std}"
    if at.indent + len(flat) <= WIDTH:
        return Code(flat)
    margin = "\n" + " " * at.indent
    return Code(f"{name} = ({margin}    {name} - {mean}{margin}) / {std}")
