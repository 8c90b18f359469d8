"""What a generated script imports, when it is asked for: not even NumPy comes before.

Frameworks are imported only by their adapters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common.optional import lazily

if TYPE_CHECKING:
    from .evaluation.criterion import Criterion as Criterion
    from .evaluation.drift.demanded import Drift as Drift
    from .frameworks.inputs import Input as Input
    from .graph.graph import Precision as Precision
    from .graph.pins import Pins as Pins
    from .hardware.requirements import Requirements as Requirements
    from .main import command_line as command_line
    from .record.sources import Sources as Sources
    from .report.report import Report as Report
    from .run import Run as Run
    from .run.converted import Converted as Converted
    from .search import Budget as Budget

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

__getattr__ = lazily(__name__)
