"""Latencies of what was converted, beside fp32 and what lists of op types make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..common.delivery import candidate_hash
from ..common.errors import NarrowcastError
from ..common.places import described
from ..common.timing import Latency, latencies_data
from ..evaluation.evaluation import evaluation_data
from ..evaluation.performance.asked import Performance
from ..evaluation.performance.performed import performed_data
from ..frameworks.adapter import Compiler
from ..report.comparison import (
    PREPARED,
    RESULT,
    Timed,
    contenders,
    known_score,
    measured,
    timed_as_recorded,
)
from .converted import Converted
from .slots.checks import Timing


def timed(converted: Converted, asked: Performance | None = None) -> Timed | None:
    """Latency per batch of fp32 as loaded and prepared, a list's placement, the result.

    Measured by `Checks.time`, all in turn; None where the machine is not the target,
    where nothing runs, or under --no-timing. Under `latency`
    the list's placement is scored too, where no trial did.

    Args:
        asked: What else is to be measured.
    """
    conversion, plan = converted.conversion, converted.plan
    context, slots = conversion.context, conversion.slots
    adapter, graph = slots.adapter, conversion.traced.graph
    wanted = context.options.timing
    if not wanted or not conversion.timed_here or not adapter.executes:
        return None
    if context.workers is not None:
        context.workers.close()  # nothing else may run while it is timed
    context.progress.live("time", "fp32, rule-based placement and result in turn")
    others = contenders(graph, plan, conversion.replayed is not None)
    compiled = None
    if converted.package is not None:
        assert isinstance(adapter, Compiler)
        compiled = adapter.load_compiled, converted.package.path

    performance: dict[str, Any] = {}

    def time(files: Mapping[str, Path]) -> dict[str, Latency]:
        timing = Timing(conversion.load_saved, files, context.clock, compiled)
        latency = context.checks.time(slots, conversion.model, timing)
        if asked is not None:
            performance.update(_performed(converted, timing, asked))
        return latency

    def make() -> dict[str, Any]:
        latency, aside = measured(
            conversion.traced, converted.saved, others, context.candidate, time
        )
        return {"latency": latencies_data(latency), "aside": aside, **performance}

    def score() -> dict[str, Any] | None:
        judged = conversion.standard is not None and plan.objective == "latency"
        evaluate = conversion.evaluate if judged else None
        scored = known_score(others, converted.found, evaluate)
        return None if scored is None else evaluation_data(scored)

    step = f"{converted.saved.name} {candidate_hash(converted.saved)}"
    try:
        with context.interrupts.ending():
            recorded = context.history.remember(f"time {step}", make)
            if context.checks.timed_where:
                context.note(context.checks.timed_where)
            scored = context.history.remember(f"score rules for {step}", score)
            return timed_as_recorded(graph, plan.low, others, recorded, scored)
    except KeyboardInterrupt:  # what was checked is delivered all the same
        return None
    except BaseException as error:  # so it is where nothing more can be written
        context.note(f"not timed: {_said(error)}")
        return None


def _performed(
    converted: Converted, timing: Timing, asked: Performance
) -> dict[str, Any]:
    """What `evaluation.performance` asks for, as recorded; a note where that can't be."""
    context, slots = converted.conversion.context, converted.conversion.slots
    files = {k: timing.files[k] for k in (PREPARED, RESULT) if k in timing.files}
    context.progress.live("time", "percentiles, throughput and memory of each in turn")
    found = context.checks.perform(slots, replace(timing, files=files), asked)
    if found is None:
        context.note(
            "evaluation.performance is not measured here: processes of its own would "
            "need model and data, which only this one has"
        )
        return {}
    return {"performance": performed_data(found)}


def _said(error: BaseException) -> str:
    return error.message if isinstance(error, NarrowcastError) else described(error)
