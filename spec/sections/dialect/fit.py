"""What a spec names, and what of it goes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from ...reading.diagnostics import Steps
from ..evaluation import AccuracySection
from ..marks import frameworks_of
from ..section import Problem, Section, Unsound

ACCURACY = ("evaluation", "accuracy")
LOADER = (*ACCURACY, "dataloader")
OUTPUTS = (*ACCURACY, "postprocess", "transform")
CATALOGUES: Mapping[Steps, str] = {
    (*LOADER, "dataset"): "dataset",
    (*LOADER, "transform"): "transform",
    (*LOADER, "filter"): "filter",
    (*ACCURACY, "metric"): "metric",
    (*ACCURACY, "multi_metrics"): "metric",
    OUTPUTS: "postprocess",
}
"""Where things are named → of which kind."""
BALANCED = frozenset({"COCORaw", "COCORecord"})


def catalogues(accuracy: AccuracySection) -> Iterator[tuple[str, Steps, Section]]:
    """What names things: of which kind, its path and the section; those that are sound."""
    for steps, kind in CATALOGUES.items():
        section: Section | None = accuracy
        with suppress(Unsound):
            for step in steps[len(ACCURACY) :]:
                section = getattr(section, str(step))
            if section is not None:
                yield kind, steps, section


def named(section: Section) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is written and not built, with the frameworks that have it."""
    for name, field in type(section).model_fields.items():
        frameworks = frameworks_of(field)
        with suppress(Unsound):
            if frameworks is not None and section.says(name):
                yield name, frameworks


def filter_problems(accuracy: AccuracySection) -> Iterator[Problem]:
    """A filter that the dataset has nothing for."""
    dataset = accuracy.dataloader.dataset
    balanced = accuracy.dataloader.filter.says("LabelBalance")
    if balanced and dataset and dataset.key not in BALANCED:
        yield Problem(
            "the filter counts the boxes of COCORaw and COCORecord",
            "leave it out",
            (*LOADER, "filter", "LabelBalance"),
        )
