"""What a generated script imports. Frameworks are imported only by their adapters."""

from __future__ import annotations

from .command_line import command_line
from .converted import Converted, closest
from .criterion import Criterion
from .evaluation import Evaluation, Watch
from .graph import Placement, Precision
from .hardware.requirements import Requirements
from .pins import Pins
from .report import Judgement, Package, Report
from .run import Run
from .search import Budget, everything_low
from .signature import Input
from .sources import Sources

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
