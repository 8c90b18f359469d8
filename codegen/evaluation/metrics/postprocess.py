"""How a script wraps its metric in what is done to outputs and labels before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from narrowcast.spec.sections.metrics.poststeps import (
    Collect,
    LabelShift,
    ModelZooCollect,
    PostStep,
    SquadV1,
    SquadV1ModelZoo,
)

from ...writing.code import Code, literal
from ...writing.imports import Import
from ...writing.layout import Group
from .making import METRICS

STEPS = f"{METRICS}.postprocess"


@dataclass(frozen=True)
class Wrapping:
    """A call of the runtime that takes a metric and gives one.

    Attributes:
        called: Module and name of what is called.
        arguments: By keyword, after the metric.
        type: What the call returns.
    """

    called: Import
    arguments: Mapping[str, Code] = field(default_factory=dict)
    type: Import | None = None


def _shift(step: LabelShift) -> Wrapping:
    called = f"{STEPS}.shifted", "shifted"
    arguments = {"shift": literal(step.label_shift)}
    return Wrapping(called, arguments, (f"{METRICS}.metric", "Metric"))


def _collect(step: Collect) -> Wrapping:
    called = f"{STEPS}.collect", "Collect"
    return Wrapping(called, {"length": literal(step.length)})


def _squad(step: SquadV1) -> Wrapping:
    """Files, and what of the rest is written."""
    arguments = {"label_file": Code("QUESTIONS"), "vocab_file": Code("VOCABULARY")}
    for key in step.written:
        if key not in arguments:
            arguments[key] = literal(getattr(step, key))
    return Wrapping((f"{STEPS}.squad", "SquadV1"), arguments)


WRAPPINGS: Mapping[type[PostStep], Callable[[Any], Wrapping]] = {
    LabelShift: _shift,
    Collect: _collect,
    ModelZooCollect: _collect,
    SquadV1: _squad,
    SquadV1ModelZoo: _squad,
}


def wrapped(
    making: Group, type_: Import, steps: Sequence[PostStep]
) -> tuple[Group, Import, tuple[Import, ...]]:
    """A metric's call within those of the steps, the first of which sees outputs first.

    Returns:
        The call, what it returns, and what the steps call.
    """
    imports: list[Import] = []
    for step in reversed(steps):
        wrapping = WRAPPINGS[type(step)](step)
        given = (Code(f"{k}={v}") for k, v in wrapping.arguments.items())
        making = Group(f"{wrapping.called[1]}(", (("", making), *given), ")")
        imports.append(wrapping.called)
        type_ = wrapping.type or wrapping.called
    return making, type_, tuple(imports)


NAMES = "Collect QUESTIONS SquadV1 VOCABULARY shifted"
"""What a script imports for these."""
