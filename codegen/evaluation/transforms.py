"""Transforms as the NumPy statements that a person would write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from narrowcast.spec.sections.transform import (
    Cast,
    Normalize,
    Rescale,
    Transform,
    Transpose,
)

from ..writing.code import Code, dotted, literal
from ..writing.layout import WIDTH, Group, Item, laid_out, list_of, wrapped

INDENT = 8


@dataclass(frozen=True, slots=True)
class Axes:
    """Where a batch of inputs has its channels.

    Attributes:
        rank: Dimensions of a batch, None where only the model knows.
        channels_last: Whether channels are its last dimension, not its second.
    """

    rank: int | None
    channels_last: bool


def statements(
    transforms: Sequence[Transform], name: Code, axes: Axes
) -> tuple[Code, ...]:
    """One or more assignments to `name` per transform, in order.

    Args:
        name: The variable that holds a batch of inputs.
        axes: Where its channels are.
    """
    found: list[Code] = []
    for transform in transforms:
        match transform:
            case Rescale():
                scaled = Code(f"{name}.astype(np.float32) / 255")
                found.append(wrapped(f"{name} = ", scaled, INDENT))
            case Normalize():
                found.extend(_normalize(transform, name, axes))
            case Cast(dtype=dtype):
                found.append(_method(name, "astype", (numpy_type(dtype),)))
            case Transpose(perm=perm):
                order = (0, *(axis + 1 for axis in perm))
                found.append(_method(name, "transpose", tuple(map(literal, order))))
    return tuple(found)


def numpy_type(dtype: str) -> Code:
    """NumPy's type of that name."""
    return Code("np.bool_" if dtype == "bool" else f"np.{dotted(dtype)}")


def _method(name: Code, method: str, arguments: tuple[Code, ...]) -> Code:
    """The variable becomes what one of its methods returns."""
    called = Group(f"{name}.{method}(", arguments, ")")
    if INDENT + len(f"{name} = {called.opening}") <= WIDTH:
        return laid_out(f"{name} = ", called, INDENT)
    return wrapped(f"{name} = ", laid_out("", called, INDENT + 4), INDENT)


def _normalize(transform: Normalize, name: Code, axes: Axes) -> Sequence[Code]:
    if len(transform.mean) == 1:
        mean, std = literal(transform.mean[0]), literal(transform.std[0])
        return (_shifted(name, mean, std),)
    placed = _placed(name, axes)

    def channels(known: str, values: Sequence[float]) -> Code:
        numbers = list_of(list(map(literal, values)))
        items: tuple[Item, ...] = (("", numbers), Code("np.float32"))
        made = Group("np.array(", items, f"){placed}")
        return laid_out(f"{known} = ", made, INDENT)

    return (
        channels("mean", transform.mean),
        channels("std", transform.std),
        _shifted(name, Code("mean"), Code("std")),
    )


def _placed(name: Code, axes: Axes) -> str:
    """What puts one number per channel where the batch has its channels."""
    if axes.channels_last:
        return ""
    if axes.rank is None:
        return f".reshape(-1, *(1,) * ({name}.ndim - 2))"
    return f".reshape({', '.join(['-1', *['1'] * max(axes.rank - 2, 0)])})"


def _shifted(name: Code, mean: Code, std: Code) -> Code:
    flat = f"{name} = ({name} - {mean}) / {std}"
    if INDENT + len(flat) <= WIDTH:
        return Code(flat)
    margin = "\n" + " " * INDENT
    return Code(f"{name} = ({margin}    {name} - {mean}{margin}) / {std}")
