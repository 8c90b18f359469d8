"""What a generated script imports. Frameworks are imported only by their adapters."""

from __future__ import annotations

from .command_line import command_line
from .evaluation.criterion import Criterion
from .evaluation.drift.demanded import Drift
from .frameworks.inputs import Input
from .graph.graph import Precision
from .graph.pins import Pins
from .hardware.requirements import Requirements
from .record.sources import Sources
from .report.report import Report
from .run import Run
from .run.converted import Converted
from .search import Budget

__all__ = [
    "Budget",
    "Converted",
    "Criterion",
    "Drift",
    "Input",
    "Pins",
    "Precision",
    "Report",
    "Requirements",
    "Run",
    "Sources",
    "command_line",
]
