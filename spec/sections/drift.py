"""`tuning.accuracy_criterion.drift`: how near outputs must stay to fp32's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from ..reading.codes import Code
from .fields import Amount, Flag, Refused, Text, Whole, near
from .section import Problem, Section, Table


def _loss(amount: float) -> float:
    if amount < 0:
        hint = "it is the loss allowed, whatever the metric's direction: 0 allows none"
        raise Refused("must be at least 0", hint, code=Code.RANGE)
    return amount


Loss = Annotated[Amount, AfterValidator(_loss)]


def _likeness(amount: float) -> float:
    if not 0 < amount <= 1:
        raise Refused(
            "must be above 0, and 1 at most",
            "0.99, or 99%: 1 is the same",
            code=Code.RANGE,
        )
    return amount


Likeness = Annotated[Amount, AfterValidator(_likeness)]


def _of_classes(axis: int) -> int:
    if axis == 0:
        raise Refused("axis 0 is that of the samples", "1, or -1 for the last")
    return axis


class NearnessSection(Section):
    """How near outputs must stay to those of fp32 for the same inputs."""

    agreement: Likeness | None = Field(
        default=None,
        description="Share of places whose largest class is fp32's, at least.",
    )
    cosine: Likeness | None = Field(
        default=None, description="Mean cosine with fp32's output, at least."
    )
    least_cosine: Likeness | None = Field(
        default=None, description="Cosine of the worst sample, at least."
    )
    sqnr: Amount | None = Field(
        default=None, description="Signal to quantisation noise in dB, at least."
    )
    kl: Loss | None = Field(
        default=None,
        description="Kullback-Leibler divergence from fp32's probabilities in nats, at "
        "most.",
    )
    relative_error: Loss | None = Field(
        default=None,
        description="RMS of the difference over the RMS of fp32's output, at most.",
    )
    largest_error: Loss | None = Field(
        default=None,
        description="Largest difference of any number, in the output's unit, at most.",
    )
    axis: Annotated[Whole, AfterValidator(_of_classes)] = Field(
        default=-1,
        description="The axis of the classes, for `agreement` and `kl`; -1 is the last, "
        "unless what is written of all outputs is another.",
    )

    @property
    def demanded(self) -> tuple[str, ...]:
        """The measures that are written."""
        names = NearnessSection.model_fields
        return tuple(name for name in names if name != "axis" and self.says(name))

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._something()

    def _something(self) -> Iterator[Problem]:
        if not self.demanded:
            names = (name for name in NearnessSection.model_fields if name != "axis")
            yield Problem(
                "nothing is demanded",
                f"write some of {', '.join(names)}",
                code=Code.MISSING,
            )


class DriftSection(NearnessSection):
    """The same of all outputs, and of single ones."""

    outputs: Table[Text, NearnessSection] = Field(
        default={},
        description="The same for one output, by its name in `model.outputs`, the model's "
        'own name where that is not written, or its place in quotes: `"0"` is the first.',
    )
    on_random_inputs: Flag = Field(
        default=False,
        description="Whether, without data, outputs for random inputs judge.",
    )

    def _something(self) -> Iterator[Problem]:
        if not self.outputs:
            yield from super()._something()

    def output_problems(self, known: tuple[str, ...]) -> Iterator[Problem]:
        """Outputs that have no such name, or that two keys mean.

        Args:
            known: All outputs, in order; none where only the model knows them.
        """
        meant: dict[str | int, str] = {}
        for name in self.outputs:
            at = ("outputs", name)
            place = place_of(name, known)
            if known and isinstance(place, str):
                message = f"no output is called `{name[:60]}`"
                yield Problem(message, near(name, known), at, code=Code.WORD)
            elif place in meant:
                message = f"`{meant[place][:60]}` and `{name[:60]}` are one output"
                yield Problem(
                    message,
                    "write all that is demanded of it once",
                    at,
                    code=Code.CHOICE,
                )
            meant[place] = name


def place_of(name: str, known: Sequence[str]) -> str | int:
    """Where an output is; its name where only the model can tell.

    Args:
        known: All outputs, in order, or none.
    """
    if name in known:
        return known.index(name)
    return int(name) if name.isdecimal() else name
