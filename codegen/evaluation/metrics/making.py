"""What a script calls to make a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from narrowcast.spec.sections.metrics.measure import Measure

from ...writing.code import Code
from ...writing.imports import Import
from ...writing.layout import Group

METRICS = "narrowcast.runtime.evaluation.metrics"


@dataclass(frozen=True)
class Making:
    """A metric of the runtime, made with these arguments.

    Attributes:
        title: What the metric's function says that it returns.
        metric: Module and name of its class.
        arguments: By keyword.
        imports: What these name besides.
    """

    title: str
    metric: Import
    arguments: Mapping[str, Code | Group] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()


Makings = Mapping[type[Measure], Callable[[Any], Making]]
"""A metric's section → how it is made."""
