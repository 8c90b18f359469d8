"""What a generated script imports. Frameworks are imported only by their adapters."""

from __future__ import annotations

from .command_line import command_line
from .evaluation.criterion import Criterion
from .evaluation.evaluation import Evaluation, Watch
from .frameworks.inputs import Input
from .graph.graph import Placement, Precision
from .graph.pins import Pins
from .hardware.requirements import Requirements
from .record.sources import Sources
from .report.report import Judgement, Package, Report
from .run import Run
from .run.converted import Converted, closest
from .search import Budget, everything_low

__all__ = [
    "Budget",
    "Converted",
    "Criterion",
    "Evaluation",
    "Input",
    "Judgement",
    "Package",
    "Pins",
    "Placement",
    "Precision",
    "Report",
    "Requirements",
    "Run",
    "Sources",
    "Watch",
    "closest",
    "command_line",
    "everything_low",
]
