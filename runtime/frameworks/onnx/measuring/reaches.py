"""How far extreme values get through one op: from what it takes to what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum


@dataclass(frozen=True, slots=True)
class Reach:
    """What constants may make of a value: 0 on a side where it is ordinary."""

    low: float
    high: float

    @property
    def largest(self) -> float:
        """The largest magnitude."""
        return max(-self.low, self.high)

    @property
    def either_sign(self) -> Reach:
        """The same, its sign unknown."""
        return Reach(-self.largest, self.largest)

    def times(self, factor: float) -> Reach:
        """Times a number of any sign."""
        return Reach(-self.largest * factor, self.largest * factor)


NOTHING = Reach(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What is known of an input.

    Attributes:
        reach: Of extreme values alone.
        most: A constant's largest magnitude.
        least: A constant's least magnitude, 0 if it changes its sign.
    """

    reach: Reach
    most: float = 0.0
    least: float = 0.0
    constant: bool = False


def reach(operator: str, taken: Sequence[Taken], scalar: float, limit: float) -> Reach:
    """How far what an op makes may go.

    Args:
        scalar: The largest magnitude among its attributes.
        limit: What is larger is extreme.
    """
    if operator == "Clip":
        return _clipped(taken)
    rule = RULES.get(operator, _any)
    made = rule(taken)
    if scalar > limit:
        made = _union([Taken(made), Taken(Reach(-scalar, scalar))])
    return made


def _union(taken: Sequence[Taken]) -> Reach:
    return Reach(
        min((each.reach.low for each in taken), default=0.0),
        max((each.reach.high for each in taken), default=0.0),
    )


def _any(taken: Sequence[Taken]) -> Reach:
    """Of an operator that makes nothing larger, as far as is known."""
    return _union(taken)


def _clipped(taken: Sequence[Taken]) -> Reach:
    """Bounds as wide as fp32 bound nothing."""
    own = taken[0].reach
    bounds = [each.most for each in taken[1:] if each.constant]
    low = max(own.low, -bounds[0]) if bounds else own.low
    high = min(own.high, bounds[1]) if len(bounds) > 1 else own.high
    return Reach(low, high)


def _sum(taken: Sequence[Taken]) -> Reach:
    return Reach(
        fsum(each.reach.low for each in taken), fsum(each.reach.high for each in taken)
    )


def _difference(taken: Sequence[Taken]) -> Reach:
    one, other = taken
    return Reach(one.reach.low - other.reach.high, one.reach.high - other.reach.low)


def _product(taken: Sequence[Taken]) -> Reach:
    """Of one extreme and something else, which is a constant or at most 1."""
    one, other = taken
    if one.reach.largest and other.reach.largest:
        return Reach(-LARGEST, LARGEST)
    far, near = (one, other) if one.reach.largest else (other, one)
    return far.reach.times(near.most if near.constant else 1.0)


def _quotient(taken: Sequence[Taken]) -> Reach:
    one, other = taken
    if other.constant and other.least:
        return (one.reach if one.reach.largest else Reach(-1.0, 1.0)).times(
            min(1 / other.least, LARGEST)
        )
    return one.reach.either_sign


def _negated(taken: Sequence[Taken]) -> Reach:
    return Reach(-taken[0].reach.high, -taken[0].reach.low)


def _magnitude(taken: Sequence[Taken]) -> Reach:
    return Reach(0.0, taken[0].reach.largest)


def _positive(taken: Sequence[Taken]) -> Reach:
    return Reach(0.0, taken[0].reach.high)


def _greatest(taken: Sequence[Taken]) -> Reach:
    return Reach(
        max(each.reach.low for each in taken), max(each.reach.high for each in taken)
    )


def _smallest(taken: Sequence[Taken]) -> Reach:
    return Reach(
        min(each.reach.low for each in taken), min(each.reach.high for each in taken)
    )


LARGEST = float.fromhex("0x1.fffffep127")
"""fp32's end: what is beyond is infinite there too."""

RULES: Mapping[str, Callable[[Sequence[Taken]], Reach]] = {
    "Abs": _magnitude,
    "Add": _sum,
    "Div": _quotient,
    "Max": _greatest,
    "Mean": _sum,
    "Min": _smallest,
    "Mul": _product,
    "Neg": _negated,
    "Relu": _positive,
    "Sub": _difference,
    "Sum": _sum,
    "MaxPool": _positive,  # no window holds padding alone
    **dict.fromkeys(
        ("Log", "Sqrt"), lambda taken: Reach(0.0, taken[0].reach.high ** 0.5)
    ),
    **dict.fromkeys(
        (
            "LayerNormalization",
            "InstanceNormalization",
            "GroupNormalization",
            "BatchNormalization",
            "Reciprocal",
        ),
        lambda taken: NOTHING,
    ),
}
