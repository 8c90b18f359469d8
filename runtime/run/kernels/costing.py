"""What ops cost, and which kernels compute them fastest: measured, or found again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from ...common.telling.progress import step
from ...frameworks.protocol import Formable, Traced
from ...graph.graph import Precision
from ...hardware.requirements import Machine
from ...placement.costs import Costs, StaticCosts
from ...placement.measured import cache
from ...placement.measured.data import costs_of
from ...placement.measured.measured import SECONDS_EACH, MeasuredCosts, measured_costs
from ...placement.measured.sources import Wanted, costs_text, find_costs, find_forms
from ...placement.measured.subject import circumstances, subject
from ..context import Context


@step("timing ops")
def forms(
    context: Context, traced: Formable, low: Precision, machine: Machine | None
) -> Mapping[str, str]:
    """The kernels that are fastest here; id of the op that computes → kernel."""
    context.progress.live("kernels", "timing what computes the same")

    def timed() -> dict[str, str]:
        fastest = traced.with_fastest_forms(low, context.clock, SECONDS_EACH)
        return dict(fastest.forms)

    make = partial(
        find_forms,
        context.options.costs,
        _wanted(context, traced, low, machine, {}),
        timed if _timed_here(context, machine) else None,
    )
    recorded: Mapping[str, str] = context.history.remember(f"forms {low}", make)
    return recorded


@step("timing ops")
def costs(
    context: Context,
    traced: Traced,
    low: Precision,
    machine: Machine | None,
    static: StaticCosts,
    forms: Mapping[str, str],
    evaluation: float,
) -> Costs:
    """What ops and casts cost: measured here, read, or those of `static`.

    Args:
        forms: Kernels that stand for ops.
        evaluation: Seconds that one evaluation takes.

    Raises:
        UsageError: The file of costs is of something else, or can't be written.
    """
    context.progress.live("costs", "timing ops and casts")

    def measured() -> MeasuredCosts:
        return measured_costs(traced, low, static, context.clock, evaluation)

    wanted = _wanted(context, traced, low, machine, forms)
    make = partial(
        find_costs,
        context.options.costs,
        replace(wanted, of={**wanted.of, "static": static.profile.name}),
        static,
        measured if _timed_here(context, machine) else None,
    )
    recorded = context.history.remember(f"costs {low}", make)
    if recorded["costs"] is None:
        why = recorded["from"] if context.options.timing else "--no-timing"
        context.warn(f"costs are those of {static.profile.name}: {why}")
        return static
    known = costs_of(recorded["costs"], static)
    context.progress.line("costs", costs_text(known, low, recorded["from"]))
    return known


def _timed_here(context: Context, machine: Machine | None) -> bool:
    """Whether this machine is the one to time things on, and that may take its time."""
    return context.options.timing and machine is not None and machine.is_target


def counted(forms: Mapping[str, str]) -> str:
    """Kernels by how often they stand for ops: "12 linear+gelu, 1 linear"."""
    most = Counter(forms.values()).most_common()
    return ", ".join(f"{count} {name}" for name, count in most)


def _wanted(
    context: Context,
    traced: Traced,
    low: Precision,
    machine: Machine | None,
    forms: Mapping[str, str],
) -> Wanted:
    return Wanted(
        subject(traced, low, forms),
        circumstances(traced, machine),
        cache.folder(os.environ),
        frozenset(context.lows) - {low},
    )
