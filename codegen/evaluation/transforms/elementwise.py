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
from narrowcast.spec.sections.transforms.transform import LAST

from ...writing.code import Code, dotted, literal
from ...writing.layout import WIDTH, Group, laid_out, values, wrapped
from .calling import PACKAGE, called, written
from .step import Place, Step, Steps


def numpy_type(dtype: str) -> Code:
    """NumPy's type of that name."""
    return Code("np.bool_" if dtype == "bool" else f"np.{dotted(dtype)}")


def _rescale(_transform: Rescale, at: Place) -> Step:
    scaled = Code(f"{_array(at)}.astype(np.float32) / 255")
    return _step(at, wrapped(f"{at.name} = ", scaled, at.indent))


def _keras_rescale(transform: KerasRescale, at: Place) -> Step:
    scaling = _scaling(transform.rescale)
    scaled = Code(f"{_array(at)}.astype(np.float32){scaling}")
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
    plain = (transform.mean, transform.std) == ((0.0,), (1.0,))
    if transform.rescale is None:
        return _shifted(transform, at)
    before = Step(()) if plain else _shifted(transform, at)
    array = Code(f"{_array(at)}.astype(np.float32)") if plain else at.name
    scaled = Code(f"{array}{_scaling(transform.rescale)}")
    after = _step(at, wrapped(f"{at.name} = ", scaled, at.indent))
    imports = dict.fromkeys((*before.imports, *after.imports))
    return Step((*before.statements, *after.statements), tuple(imports))


def _scaling(rescale: Sequence[float]) -> str:
    """A division and a subtraction, without what changes nothing."""
    by, less = rescale
    division = f" / {literal(by)}" if by != 1 else ""
    return division + (f" - {literal(less)}" if less else "")


def _shifted(transform: Normalize, at: Place) -> Step:
    """Without the means, divided by the deviations."""
    if at.batched and len(transform.mean) == 1:
        return _step(at, _difference(at, transform.mean[0], transform.std[0]))
    axis = at.channels + (at.batched and at.channels >= 0)
    numbers = written(transform, "mean std")
    placed = {"axis": literal(axis)} if axis != LAST else {}
    return called(at, "numbers", "normalize", **numbers, **placed)


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


def _difference(at: Place, mean: float, std: float) -> Code:
    difference, by = f"{at.name} - {literal(mean)}", literal(std)
    flat = f"{at.name} = ({difference}) / {by}"
    if at.indent + len(flat) <= WIDTH:
        return Code(flat)
    margin = "\n" + " " * at.indent
    return Code(f"{at.name} = ({margin}    {difference}{margin}) / {by}")


NAMES = "normalize quantized_input transpose"
"""What a script imports for these."""
