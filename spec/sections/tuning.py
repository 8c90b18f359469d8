"""`tuning`: what is demanded, what is sought, and when to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from .dialect.tuning import (
    DiagnosisSection,
    MultiObjectivesSection,
    StrategySection,
    WorkspaceSection,
)
from .fields import QUOTED, Among, Amount, Flag, Refused, Text, Whole
from .marks import unused
from .section import Block, Problem, Section, Table

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


def _likeness(amount: float) -> float:
    if not 0 < amount <= 1:
        raise Refused("must be above 0, and 1 at most", "0.99, or 99%: 1 is the same")
    return amount


Likeness = Annotated[Amount, AfterValidator(_likeness)]


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
    axis: Whole = Field(
        default=-1,
        description="The axis of the classes, for `agreement` and `kl`; -1 is the last.",
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
            yield Problem("nothing is demanded", f"write some of {', '.join(names)}")


class DriftSection(NearnessSection):
    """The same of all outputs, and of single ones."""

    outputs: Table[Text, NearnessSection] = Field(
        default={},
        description="The same for one output, by its name in `model.outputs` or by its "
        'place in quotes, `"0"` being the first.',
    )
    on_random_inputs: Flag = Field(
        default=False,
        description="Whether, without data, outputs for random inputs judge.",
    )

    def _something(self) -> Iterator[Problem]:
        if not self.outputs:
            yield from super()._something()


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
            yield Problem("write one of relative and absolute, not both")


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
        default_factory=CriterionSection, description="How much accuracy may be lost."
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
        default_factory=ExitPolicySection, description="When the search stops."
    )
    random_seed: Annotated[int, Field(ge=0, lt=2**32), QUOTED] = Field(
        default=1978, description="Seed of everything that is random."
    )
    strategy: StrategySection = unused(
        StrategySection(),
        "Neural Compressor's choice of a search.",
        "has no effect here: there is one search",
    )
    multi_objectives: MultiObjectivesSection = unused(
        MultiObjectivesSection(),
        "Several objectives.",
        "has no effect here: tuning.objective is the one that is sought",
    )
    tensorboard: Any = unused(False, "Whether tensors are recorded.")
    workspace: WorkspaceSection = unused(
        WorkspaceSection(),
        "Where a search writes.",
        "is for Python: a script writes beside itself, or where --output says",
    )
    diagnosis: DiagnosisSection = unused(
        DiagnosisSection(),
        "What is recorded of single ops.",
        "has no effect here: `narrowcast explain` says it of each op",
    )
