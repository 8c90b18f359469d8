"""Strict JSON: what is written every reader takes, what is read has the right shape.

JSON has no NaN and no infinity. A shape says of a value what is wrong with it; values
of plain data come from files that anyone may have edited.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Shape = Callable[[Any, str], Iterator[str]]
"""What is wrong with a value, which is called by its place."""


def strict(value: Any) -> Any:
    """Plain data with "nan", "inf" and "-inf" for such numbers; `float` reads them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if isinstance(value, Mapping):
        return {key: strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(each) for each in value]
    return value


def json_text(content: Any) -> str:
    """Indented for people; the same text from the same content."""
    text = json.dumps(strict(content), indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def complaint(shape: Shape, value: Any, at: str) -> str:
    """What is wrong with a value first, "" if nothing is.

    Args:
        at: What the value is called.
    """
    return next(shape(value, at), "")


def of(kind: type | tuple[type, ...], what: str) -> Shape:
    """A value of a type."""

    def shape(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, kind):
            yield f"{at} is {_short(value)}, not {what}"

    return shape


text, flag = of(str, "text"), of(bool, "true or false")


def number(value: Any, at: str) -> Iterator[str]:
    """A number that a float can hold; infinities and NaN too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{at} is {_short(value)}, not a number"
    elif isinstance(value, int) and abs(value) >= 2**1000:
        yield f"{at} is too large"


def count(value: Any, at: str) -> Iterator[str]:
    """A whole number from 0 on."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 0 <= value < 2**63:
        yield f"{at} is {_short(value)}, not a count"


def seconds(value: Any, at: str) -> Iterator[str]:
    """A finite number that is not negative."""
    wrong = list(number(value, at))
    yield from wrong
    if not wrong and not 0 <= value < math.inf:
        yield f"{at} is {value}, not a time"


def parsed(parse: Callable[[Any], object], what: str) -> Shape:
    """Text that a function takes without a ValueError."""

    def shape(value: Any, at: str) -> Iterator[str]:
        try:
            if not isinstance(value, str):
                raise ValueError
            parse(value)
        except ValueError:
            yield f"{at} is {_short(value)}, not {what}"

    return shape


def optional(inner: Shape) -> Shape:
    """Such a value, or null."""

    def shape(value: Any, at: str) -> Iterator[str]:
        if value is not None:
            yield from inner(value, at)

    return shape


def listed(inner: Shape) -> Shape:
    """A list of such values."""

    def shape(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{at} is {_short(value)}, not a list"
            return
        for index, each in enumerate(value):
            yield from inner(each, f"{at}[{index}]")

    return shape


def row(*inner: Shape) -> Shape:
    """A list of as many values, each of its shape."""

    def shape(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) != len(inner):
            yield f"{at} is {_short(value)}, not a list of {len(inner)}"
            return
        for index, (each, its) in enumerate(zip(value, inner, strict=True)):
            yield from its(each, f"{at}[{index}]")

    return shape


def mapped(inner: Shape, key: Shape = text) -> Shape:
    """A mapping of such keys to such values."""

    def shape(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{at} is {_short(value)}, not a mapping"
            return
        for name, each in value.items():
            yield from key(name, f"the key {_short(name)} of {at}")
            yield from inner(each, f"{at}.{name}")

    return shape


def record(required: Mapping[str, Shape], may_have: Mapping[str, Shape]) -> Shape:
    """A mapping with these keys and no others."""
    known = {**required, **may_have}

    def shape(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{at} is {_short(value)}, not a mapping"
            return
        for name in required:
            if name not in value:
                yield f"{at} has no {name}"
        for name, each in value.items():
            if name in known:
                yield from known[name](each, f"{at}.{name}")
            else:
                yield f"{at} has {_short(name)}, which nothing is known of"

    return shape


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 40 else f"{said[:37]}..."
