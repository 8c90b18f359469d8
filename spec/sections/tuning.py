"""`tuning`: what is demanded, what is sought, and when to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ..reading.codes import Code
from .dialect.tuning import (
    DiagnosisSection,
    MultiObjectivesSection,
    StrategySection,
    WorkspaceSection,
)
from .drift import DriftSection, Loss
from .fields import QUOTED, Among, Amount, Flag, Refused
from .marks import unused
from .section import Block, Problem, Section

OBJECTIVES: Mapping[str, str] = {
    "low_compute": "low_compute",
    "latency": "latency",
    "memory": "memory",
    "performance": "latency",
    "modelsize": "memory",
    "footprint": "memory",
    "accuracy": "low_compute",
}
"""The name written → ours."""

EXECUTIONS = ("eager", "compile")


def _share(amount: float) -> float:
    if amount >= 1:
        raise Refused("must be below 1", "1% is 0.01", code=Code.RANGE)
    return amount


def _rate(amount: float) -> float:
    if not 0 <= amount <= 0.5:
        raise Refused(
            "must be from 0 to 0.5", "0.05, or 0 for no early stop", code=Code.RANGE
        )
    return amount


class CriterionSection(Section):
    """How much accuracy may be lost."""

    relative: Annotated[Loss, AfterValidator(_share)] | None = Field(
        default=None,
        description="Loss allowed as a share of fp32's value: 0.01 or `1%`.",
    )
    absolute: Loss | None = Field(
        default=None, description="Loss allowed in the metric's own unit."
    )
    higher_is_better: Flag | None = Field(
        default=None, description="The metric's direction; left out, the metric's own."
    )
    drift: Block[DriftSection] = Field(
        default=None,
        description="How near outputs must stay to fp32's own, besides what the metric "
        "may lose, or without a metric; no labels are needed.",
    )

    def problems(self) -> Iterator[Problem]:
        if self.says("relative") and self.says("absolute"):
            yield Problem(
                "write one of relative and absolute, not both", code=Code.CHOICE
            )


class ExitPolicySection(Section):
    """When the search stops."""

    timeout: Annotated[int, Field(ge=0), QUOTED] = Field(
        default=0, description="Seconds; 0 for no limit."
    )
    max_trials: Annotated[int, Field(ge=1), QUOTED] = Field(
        default=20, description="Placements that are tried at most."
    )
    performance_only: Flag = Field(
        default=False,
        description="Whether any accuracy will do: nothing is judged, ops are "
        "converted by the static rules.",
    )


class TuningSection(Section):
    """The search."""

    accuracy_criterion: CriterionSection = Field(
        default_factory=CriterionSection.model_construct,
        description="How much accuracy may be lost.",
    )
    objective: Annotated[str, Among(tuple(OBJECTIVES))] = Field(
        default="low_compute", description="What is sought within the criterion."
    )
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
        default_factory=ExitPolicySection.model_construct,
        description="When the search stops.",
    )
    random_seed: Annotated[int, Field(ge=0, lt=2**32), QUOTED] = Field(
        default=1978, description="Seed of everything that is random."
    )
    strategy: StrategySection = unused(
        StrategySection.model_construct,
        "Neural Compressor's choice of a search.",
        "has no effect here: there is one search",
    )
    multi_objectives: MultiObjectivesSection = unused(
        MultiObjectivesSection.model_construct,
        "Several objectives.",
        "has no effect here: tuning.objective is the one that is sought",
    )
    tensorboard: Any = unused(False, "Whether tensors are recorded.")
    workspace: WorkspaceSection = unused(
        WorkspaceSection.model_construct,
        "Where a search writes.",
        "is for Python: a script writes beside itself, or where --output says",
    )
    diagnosis: DiagnosisSection = unused(
        DiagnosisSection.model_construct,
        "What is recorded of single ops.",
        "has no effect here: `narrowcast explain` says it of each op",
    )
