"""`tuning`: what is demanded, what is sought, and when to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from .fields import Among, Amount, Refused
from .section import Problem, Section

OBJECTIVES: Mapping[str, str] = {
    "low_compute": "low_compute",
    "latency": "latency",
    "memory": "memory",
    "performance": "latency",
    "modelsize": "memory",
    "footprint": "memory",
}
"""The name written → ours."""

EXECUTIONS = ("eager", "compile")

ACCURACY = "accuracy is the criterion: write tuning.accuracy_criterion instead"


def _loss(amount: float) -> float:
    if amount < 0:
        hint = "it is the loss allowed, whatever the metric's direction: 0 allows none"
        raise Refused("must be at least 0", hint)
    return amount


def _share(amount: float) -> float:
    if amount >= 1:
        raise Refused("must be below 1", "1% is 0.01")
    return amount


def _rate(amount: float) -> float:
    if not 0 <= amount <= 0.5:
        raise Refused("must be from 0 to 0.5", "0.05, or 0 for no early stop")
    return amount


Loss = Annotated[Amount, AfterValidator(_loss)]


class CriterionSection(Section):
    """How much accuracy may be lost."""

    relative: Annotated[Loss, AfterValidator(_share)] | None = Field(
        default=None,
        description="Loss allowed as a share of fp32's value: 0.01 or `1%`.",
    )
    absolute: Loss | None = Field(
        default=None, description="Loss allowed in the metric's own unit."
    )
    higher_is_better: bool | None = Field(
        default=None, description="The metric's direction; left out, the metric's own."
    )

    def problems(self) -> Iterator[Problem]:
        if self.relative is not None and self.absolute is not None:
            yield Problem("write one of relative and absolute, not both")


class ExitPolicySection(Section):
    """When the search stops."""

    later: ClassVar[frozenset[str]] = frozenset({"performance_only"})

    timeout: int = Field(default=0, ge=0, description="Seconds; 0 for no limit.")
    max_trials: int = Field(
        default=20, ge=1, description="Placements that are tried at most."
    )


class TuningSection(Section):
    """The search."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"multi_objectives", "strategy", "tensorboard", "workspace", "diagnosis"}
    )

    accuracy_criterion: CriterionSection = Field(
        default_factory=CriterionSection, description="How much accuracy may be lost."
    )
    objective: Annotated[
        str, Among(tuple(OBJECTIVES), instead={"accuracy": ACCURACY})
    ] = Field(default="low_compute", description="What is sought within the criterion.")
    execution: Annotated[str, Among(EXECUTIONS)] = Field(
        default="eager",
        description="How the result runs: `eager` (a `.pt2`), or `compile`: beside it an "
        "AOTInductor package with frozen weights, judged and timed as well.",
    )
    error_rate: Annotated[Amount, AfterValidator(_rate)] | None = Field(
        default=None,
        description="The most that the probability of a wrong verdict may be when a "
        "trial ends before all data was seen; 0: each sees all. 0.05 unless written.",
    )
    exit_policy: ExitPolicySection = Field(
        default_factory=ExitPolicySection, description="When the search stops."
    )
    random_seed: int = Field(
        default=1978, ge=0, lt=2**32, description="Seed of everything that is random."
    )
