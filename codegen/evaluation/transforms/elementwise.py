"""Transforms as the NumPy statements that a person would write."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec.sections.transforms.elementwise import (
    Cast,
    KerasRescale,
    Normalize,
    QuantizedInput,
    Rescale,
    Transpose,
)

from ...writing.code import Code, dotted, literal
from ...writing.layout import WIDTH, Group, Item, laid_out, list_of, values, wrapped
from .calling import PACKAGE, called, written
from .step import Place, Step, Steps


def numpy_type(dtype: str) -> Code:
    """NumPy's type of that name."""
    return Code("np.bool_" if dtype == "bool" else f"np.{dotted(dtype)}")


def _rescale(_transform: Rescale, at: Place) -> Step:
    scaled = Code(f"{_array(at)}.astype(np.float32) / 255")
    return _step(at, wrapped(f"{at.name} = ", scaled, at.indent))


def _keras_rescale(transform: KerasRescale, at: Place) -> Step:
    by, less = map(literal, transform.rescale)
    scaled = Code(f"{_array(at)}.astype(np.float32) / {by} - {less}")
    return _step(at, wrapped(f"{at.name} = ", scaled, at.indent))


def _quantized(transform: QuantizedInput, at: Place) -> Step:
    return called(at, "numbers", "quantized_input", **written(transform, "dtype scale"))


def _cast(transform: Cast, at: Place) -> Step:
    return _step(at, _method(at, "astype", (numpy_type(transform.dtype),)))


def _transpose(transform: Transpose, at: Place) -> Step:
    if not at.batched:
        return called(at, "numbers", "transpose", ("", values(transform.perm)))
    order = (0, *(axis + 1 for axis in transform.perm))
    return _step(at, _method(at, "transpose", tuple(map(literal, order))))


def _normalize(transform: Normalize, at: Place) -> Step:
    step = _of_batch(transform, at) if at.batched else _of_sample(transform, at)
    if transform.rescale is None:
        return step
    by, less = map(literal, transform.rescale)
    scaled = wrapped(f"{at.name} = ", Code(f"{at.name} / {by} - {less}"), at.indent)
    return Step((*step.statements, scaled), step.imports)


def _of_sample(transform: Normalize, at: Place) -> Step:
    axis = {"axis": literal(at.channels)} if at.channels != -1 else {}
    numbers = written(transform, "mean std")
    return called(at, "numbers", "normalize", **numbers, **axis)


def _of_batch(transform: Normalize, at: Place) -> Step:
    if len(transform.mean) == 1:
        mean, std = literal(transform.mean[0]), literal(transform.std[0])
        return _step(at, _shifted(at, mean, std))
    placed = _placed(at)

    def channels(known: str, each: Sequence[float]) -> Code:
        numbers = list_of(list(map(literal, each)))
        items: tuple[Item, ...] = (("", numbers), Code("np.float32"))
        made = Group("np.array(", items, f"){placed}")
        return laid_out(f"{known} = ", made, at.indent)

    return _step(
        at,
        channels("mean", transform.mean),
        channels("std", transform.std),
        _shifted(at, Code("mean"), Code("std")),
    )


STEPS: Steps = {
    Rescale: _rescale,
    Cast: _cast,
    Transpose: _transpose,
    Normalize: _normalize,
    KerasRescale: _keras_rescale,
    QuantizedInput: _quantized,
}


def _step(at: Place, *statements: Code) -> Step:
    made = ((f"{PACKAGE}.images", "to_array"),) if at.loose else ()
    numpy = (("numpy as np", ""),) if any("np." in each for each in statements) else ()
    return Step(statements, (*numpy, *made))


def _array(at: Place) -> Code:
    """The variable; where it may be something else yet, made an array."""
    return Code(f"to_array({at.name})") if at.loose else at.name


def _method(at: Place, method: str, arguments: tuple[Code, ...]) -> Code:
    """The variable becomes what one of its methods returns."""
    call = Group(f"{_array(at)}.{method}(", arguments, ")")
    if at.indent + len(f"{at.name} = {call.opening}") <= WIDTH:
        return laid_out(f"{at.name} = ", call, at.indent)
    flat = laid_out("", call, at.indent + 4)
    return wrapped(f"{at.name} = ", flat, at.indent)


def _placed(at: Place) -> str:
    """What puts one number per channel where the array has its channels."""
    if at.channels == -1:
        return ""
    before = 2 + at.channels
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


NAMES = "normalize quantized_input transpose"
"""What a script imports for these."""
