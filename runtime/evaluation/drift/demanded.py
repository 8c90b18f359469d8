"""What is demanded of outputs that are compared with fp32's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ...common.errors import DataError
from ...common.suggestion import suggestion
from ...frameworks.protocol import Outputs
from ..criterion import Criterion, Stated, StatedDecibels
from ..metrics.calling import metric_name
from ..metrics.metric import Metric
from .measures import (
    SQNR,
    Agreement,
    Cosine,
    Divergence,
    LargestError,
    LeastCosine,
    RelativeError,
)

MEASURES: Mapping[str, Callable[[int], Metric]] = {
    "agreement": Agreement,
    "cosine": lambda axis: Cosine(),
    "least_cosine": lambda axis: LeastCosine(),
    "sqnr": lambda axis: SQNR(),
    "kl": Divergence,
    "relative_error": lambda axis: RelativeError(),
    "largest_error": lambda axis: LargestError(),
}
"""What a measure is called in a spec → the axis of the classes → the metric."""

NAMES = {key: metric_name(make(-1)) for key, make in MEASURES.items()}
"""What a measure is called in a spec → in reports."""

RISING = frozenset({"agreement", "cosine", "least_cosine", "sqnr"})
"""Measures that are larger where outputs are nearer; these are demanded at least."""

OF_CLASSES = frozenset({"agreement", "kl"})

REMEDY = "Demand another measure in tuning.accuracy_criterion.drift."


@dataclass(frozen=True, slots=True)
class Drift:
    """How near outputs must stay to fp32's: each measure by itself, on each output.

    Attributes:
        agreement, cosine, least_cosine: At least this, up to 1 (`measures`).
        sqnr: At least this, dB.
        kl: At most this, nats.
        relative_error: At most this share of the RMS of fp32's output.
        largest_error: At most this, in the output's unit.
        axis: The axis of the classes, for agreement and kl; None for that of all
            outputs, of which it is the last.
        outputs: What is demanded of one output, by its name or its place, besides what
            is demanded of all, or in place of it.
        names: The outputs' names in order, where the spec or the model has them.
        on_random_inputs: Whether outputs for random inputs judge too, without data.
    """

    agreement: float | None = None
    cosine: float | None = None
    least_cosine: float | None = None
    sqnr: float | None = None
    kl: float | None = None
    relative_error: float | None = None
    largest_error: float | None = None
    axis: int | None = None
    outputs: Mapping[str | int, Drift] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    on_random_inputs: bool = False

    def demands(self, outputs: Outputs) -> tuple[Demand, ...]:
        """All demands, of a model that gives these outputs.

        Raises:
            DataError: A measure is for none of them, or it has no such output.
        """
        self._check_names(len(outputs))
        found = tuple(self._of_each(outputs))
        missing = [
            name for name in self._asked() if not any(d.measure == name for d in found)
        ]
        if missing or not found:
            what = missing[0] if missing else "drift"
            shapes = ", ".join(f"{each.dtype}{list(each.shape)}" for each in outputs)
            raise DataError(
                f"no output of the model can be judged by {what}: they are {shapes}",
                REMEDY,
            )
        return found

    def _of_each(self, outputs: Outputs) -> Iterator[Demand]:
        several = len(outputs) > 1
        for place, output in enumerate(outputs):
            for measure in MEASURES:
                bound = self._bound(measure, place)
                if bound is not None and _judges(measure, output, self._axis(place)):
                    name = NAMES[measure]
                    called = f"{name} of {self._called(place)}" if several else name
                    yield Demand(measure, place, called, self._axis(place), bound)

    def demand(self, name: str, place: int) -> Demand:
        """The demand that is called so, of an output."""
        for measure in MEASURES:
            bound = self._bound(measure, place)
            word = NAMES[measure]
            if bound is not None and name in (word, f"{word} of {self._called(place)}"):
                return Demand(measure, place, name, self._axis(place), bound)
        raise LookupError(name)

    def _asked(self) -> Iterator[str]:
        return (name for name in MEASURES if getattr(self, name) is not None)

    def _own(self, place: int) -> Drift | None:
        """What is demanded of this output alone."""
        keys: tuple[str | int, ...] = (place, *self.names[place : place + 1])
        for key in keys:
            if key in self.outputs:
                return self.outputs[key]
        return None

    def _bound(self, measure: str, place: int) -> float | None:
        own = self._own(place)
        bound: float | None = None if own is None else getattr(own, measure)
        whole: float | None = getattr(self, measure)
        return whole if bound is None else bound

    def _axis(self, place: int) -> int:
        own = self._own(place)
        for each in (self,) if own is None else (own, self):
            if each.axis is not None:
                return each.axis
        return -1

    def _called(self, place: int) -> str:
        return self.names[place] if place < len(self.names) else f"output {place}"

    @property
    def asks_names(self) -> bool:
        """Whether outputs are named, and only the model can tell which they are."""
        return not self.names and any(isinstance(each, str) for each in self.outputs)

    def _check_names(self, count: int) -> None:
        """That each key is an output of the model, and none another's."""
        places = [self._place(name, count) for name in self.outputs]
        for name, place in zip(self.outputs, places, strict=True):
            if places.count(place) > 1:
                raise DataError(
                    f"drift is demanded twice of output {name}, the model's {place}",
                    "Write all that is demanded of it once, by its name or its place.",
                )

    def _place(self, name: str | int, count: int) -> int:
        place = self.names.index(name) if name in self.names else name
        fits = not self.names or len(self.names) == count or isinstance(name, int)
        if isinstance(place, int) and place < count and fits:
            return place
        remedy = "Name all of them in model.outputs, or write an output's place"
        if not fits:
            what = f"the model has {count}, of which the spec names {len(self.names)}"
        elif self.names and isinstance(name, str):
            what = f"the model's are {', '.join(self.names)}"
            remedy = "Write one of these, or an output's place"
        else:
            what = f"the model has {count}" + (
                ", without names" * isinstance(name, str)
            )
        raise DataError(
            f"drift is demanded of output {name}, and {what}",
            f'{remedy}: "0" is the first. {suggestion(str(name), self.names)}'.rstrip(),
        )


@dataclass(frozen=True, slots=True)
class Demand:
    """What is demanded of one measure of one output.

    Attributes:
        measure: As a spec calls it.
        output: Its place.
        name: What the number is called.
        axis: Of the classes.
        bound: The worst that still holds.
    """

    measure: str
    output: int
    name: str
    axis: int
    bound: float

    @property
    def criterion(self) -> Criterion:
        """The same as a criterion."""
        kind = StatedDecibels if self.measure == "sqnr" else Stated
        return kind(higher_is_better=self.measure in RISING, at_worst=self.bound)

    def made(self) -> Metric:
        """A new metric: update(found, fp32's) of this output."""
        return MEASURES[self.measure](self.axis)


def _judges(measure: str, output: np.ndarray[Any, Any], axis: int) -> bool:
    """Whether a measure says something of such an output."""
    floating: bool = output.dtype.kind == "f"
    if measure not in OF_CLASSES:
        return floating
    if not floating:
        return measure == "agreement"
    rank = output.ndim
    known = rank >= 2 and -rank <= axis < rank and axis % rank != 0
    return known and int(output.shape[axis]) > 1


def measures_of(drift: Drift) -> dict[str, float]:
    """The measures that are demanded of all outputs, by their names in a spec."""
    own = {each.name: getattr(drift, each.name) for each in fields(drift)}
    return {name: own[name] for name in MEASURES if own[name] is not None}
