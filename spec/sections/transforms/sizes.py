"""The types of what transforms of images are given."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from ...reading.values import INT, STR, Read, a_list
from ..fields import QUOTED, Among, Amount, Amounts, Refused, split, whole


def _sides(value: object) -> object:
    """One number for both sides, or height and width."""
    numbers = value if isinstance(value, tuple | list) else split(value)
    if isinstance(numbers, int):
        numbers = (numbers,)
    found = tuple(map(whole, numbers)) if isinstance(numbers, tuple | list) else ()
    if len(found) not in (1, 2):
        raise Refused("a size is one number or two", "write 224, or [height, width]")
    return found * 2 if len(found) == 1 else found


def _square(value: object) -> object:
    sides = _sides(value)
    if isinstance(sides, tuple) and sides[0] != sides[1]:
        raise Refused("the crop is a square", "write one number")
    return sides[0] if isinstance(sides, tuple) else sides


def _borders(value: object) -> object:
    """Left, above, right and below."""
    numbers = value if isinstance(value, tuple | list) else split(value)
    if isinstance(numbers, int):
        numbers = (numbers,)
    found = tuple(map(whole, numbers)) if isinstance(numbers, tuple | list) else ()
    if len(found) not in (1, 2, 4):
        raise Refused(
            "borders are one, two or four numbers",
            "write one for all, [left and right, above and below], or "
            "[left, above, right, below]",
        )
    if any(isinstance(each, int) and each < 0 for each in found):
        raise Refused("a border is at least 0", "crop in its place: CropToBoundingBox")
    return found * (4 // len(found))


def _between(least: float, most: float) -> tuple[float, float]:
    if least > most:
        raise Refused("the least is more than the largest", "write [least, largest]")
    return least, most


def _two(values: tuple[float, ...]) -> tuple[float, float]:
    if len(values) != 2:
        raise Refused(f"{len(values)} numbers", "write [least, largest]")
    return _between(*values)


def _above_zero(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] <= 0:
        raise Refused("must be greater than 0")
    return values


def _factors(values: tuple[float, ...]) -> tuple[float, float]:
    """One number is how far a factor may be away from 1."""
    if len(values) == 1:
        _distance(values[0])
        return max(0.0, 1 - values[0]), 1 + values[0]
    least, most = _two(values)
    if least < 0:
        raise Refused("a factor is at least 0")
    return least, most


def _distance(value: float) -> None:
    if value < 0:
        raise Refused("how far something may be away is at least 0")


def _turns(values: tuple[float, ...]) -> tuple[float, float]:
    """One number is how far the hue may be turned either way."""
    if len(values) == 1:
        _distance(values[0])
    least, most = (-values[0], values[0]) if len(values) == 1 else _two(values)
    if not -0.5 <= least <= most <= 0.5:
        raise Refused("half of the circle of colors is 0.5", "write at most 0.5")
    return least, most


SIZES = ({"type": "integer"}, STR, a_list(INT))
"""How editors see one number or several."""

Positive = Annotated[int, Field(gt=0)]
Side = Annotated[int, Field(gt=0), QUOTED]
Offset = Annotated[int, Field(ge=0), QUOTED]
Sides = Annotated[
    tuple[Positive, Positive],
    Read(_sides, SIZES),
]
"""Height and width; one number stands for both."""

Square = Annotated[
    Positive,
    Read(_square, SIZES),
]
Borders = Annotated[
    tuple[int, int, int, int],
    Read(_borders, SIZES),
]
Range = Annotated[Amounts, AfterValidator(_two), AfterValidator(_above_zero)]
Factors = Annotated[Amounts, AfterValidator(_factors)]
Turns = Annotated[Amounts, AfterValidator(_turns)]
Share = Annotated[Amount, Field(gt=0, le=1)]
Interpolation = Annotated[str, Among(("nearest", "bilinear", "bicubic"))]
