"""Whether Neural Compressor has what a spec names, for the spec's framework."""

from __future__ import annotations

from collections.abc import Iterator

from ...reading.diagnostics import Steps
from ..evaluation import AccuracySection
from ..marks import frameworks_of
from ..section import Problem, Section

LOADER = ("evaluation", "accuracy", "dataloader")
OUTPUTS = ("evaluation", "accuracy", "postprocess", "transform")
BALANCED = frozenset({"COCORaw", "COCORecord"})


def catalogues(accuracy: AccuracySection) -> Iterator[tuple[str, Steps, Section]]:
    """What names things: of which kind, its path and the section."""
    loader = accuracy.dataloader
    if loader.dataset:
        yield "dataset", (*LOADER, "dataset"), loader.dataset
    yield "transform", (*LOADER, "transform"), loader.transform
    yield "filter", (*LOADER, "filter"), loader.filter
    if accuracy.metric:
        yield "metric", ("evaluation", "accuracy", "metric"), accuracy.metric
    if accuracy.multi_metrics:
        steps = ("evaluation", "accuracy", "multi_metrics")
        yield "metric", steps, accuracy.multi_metrics
    yield "postprocess", OUTPUTS, accuracy.postprocess.transform


def named(section: Section) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is written and not built, with the frameworks that have it."""
    for name, field in type(section).model_fields.items():
        frameworks = frameworks_of(field)
        if frameworks is not None and getattr(section, name) is not None:
            yield name, frameworks


def name_problems(accuracy: AccuracySection, framework: str) -> Iterator[Problem]:
    """Names that Neural Compressor does not have for the framework."""
    for kind, steps, section in catalogues(accuracy):
        for name, frameworks in named(section):
            if framework not in frameworks:
                yield Problem(
                    f"a {kind} of {' and '.join(frameworks)}, and this is {framework}",
                    f"for {framework}: {', '.join(_known(section, framework))}",
                    (*steps, name),
                )
    dataset = accuracy.dataloader.dataset
    balanced = accuracy.dataloader.filter.LabelBalance is not None
    if balanced and dataset and dataset.key not in BALANCED:
        yield Problem(
            "the filter counts the boxes of COCORaw and COCORecord",
            "leave it out",
            (*LOADER, "filter", "LabelBalance"),
        )


def _known(section: Section, framework: str) -> Iterator[str]:
    """What can stand here for the framework."""
    for name, field in type(section).model_fields.items():
        frameworks = frameworks_of(field)
        if name in section.offered() or framework in (frameworks or ()):
            yield name
