"""What was converted is put in place, with its plan, and the report gathered."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..common.delivery import candidate_bytes, candidate_hash, deliver, destination
from ..common.errors import UsageError
from ..common.files import write_bytes
from ..common.standing import kind_at
from ..evaluation.judgement import judgement_data
from ..graph.graph import Graph, Precision, casts
from ..graph.pins import Why
from ..placement.weights import weight_bytes
from ..record.plan import document, replaced_plan
from ..record.provenance import executed
from ..report.comparison import Timed, timed_data
from ..report.document.document import Document
from ..report.document.files import SUFFIXES, report_path, write_document
from ..report.document.gathering import Facts
from ..report.document.gathering import document as described_run
from ..report.heavy import left_heavy
from ..report.html.page import page
from ..report.report import Report
from ..search.found import Plan
from .context import Context
from .converted import Converted
from .kernels.costing import counted


def finished(converted: Converted, timed: Timed | None) -> Report:
    """Put model, package and plan in place, and gather the report.

    A plan that misses the criterion goes to a file of its own: a lock would be
    replayed by the next run. A model and its package are one result: either misses
    for both.
    """
    conversion, plan, saved = converted.conversion, converted.plan, converted.saved
    context, graph = conversion.context, conversion.traced.graph
    if _bytes_differ(converted):
        context.warn("the same inputs gave another file than the plan's")
    if set(plan.placement.values()) <= {Precision.FP32}:
        gains = f"nothing gains from {plan.low} here"
        why = gains if plan.objective == "latency" else "nothing was converted"
        int8 = any(op.quantized for op in graph.ops)
        kept = "all that is not int8" if int8 else "every op"
        context.warn(f"{kept} stays fp32: {why}")
    little = left_heavy(graph, plan)
    if little:
        context.warn(little)
    # The folder of a trial that is rebuilt is its own.
    missed = not converted.holds and context.options.trial is None
    lock = _plan_path(context, missed, new=conversion.replayed is None)
    report = gathered(converted, timed, lock, missed)
    about, sha256 = conversion.provenance(), candidate_hash(saved)
    content = None
    if conversion.replayed is None:
        judged = {"judgement": judgement_data(converted.judgement)}
        judged |= _drift_data(converted)
        content = document(plan, graph, about | judged | timed_data(timed))
        forms = conversion.forms_in_use(plan.placement)
        content |= {"forms": dict(forms)} if forms else {}
        content |= {"model": {"file": saved.name, "sha256": sha256}}
        content |= executed(converted.package)
    facts = Facts(
        graph,
        plan,
        converted.found,
        conversion.slots.inputs,
        conversion.slots.made_up,
        about,
        sha256,
        context.options.plan,
        lock.parent,
    )
    _put_in_place(converted, lock, content, missed)
    written = described_run(report, facts, datetime.now(UTC))
    return replace(report, page=_told(context, written, lock))


def _told(context: Context, written: Document, lock: Path) -> Path | None:
    """Write the report beside the plan; what was delivered stays without it."""
    for suffix in SUFFIXES:  # none may stand beside a plan that it isn't of
        path = report_path(lock, suffix)
        with suppress(OSError):
            if not kind_at(path):
                path.unlink()
    try:
        write_document(report_path(lock), written)
        return write_bytes(report_path(lock, ".html"), page(written).encode())
    except UsageError as error:
        context.note(f"no report: {error.message}")
        return None


def gathered(
    converted: Converted, timed: Timed | None, plan_file: Path, missed: bool
) -> Report:
    """The report of what is delivered, not of what the search believed.

    Args:
        plan_file: Where the plan is.
        missed: Whether the criterion is missed: that decides where the model goes.
    """
    conversion, plan, found = converted.conversion, converted.plan, converted.found
    context, graph = conversion.context, conversion.traced.graph
    castable = [op for op in graph.ops if graph.castable(op)]
    low = [op for op in castable if plan.placement[op.id] == plan.low]
    made = graph.producer  # zeros are a constant that nothing stores
    weights = [t for t in graph.tensors.values() if t.constant and t.name not in made]
    package = converted.package
    if package is not None:
        package = replace(package, path=destination(package.path, missed))
    return Report(
        name=context.name,
        low=plan.low,
        objective=plan.objective,
        flops=graph.flops,
        flops_low=graph.flops_in(plan.placement, plan.low),
        flops_int8=graph.flops_int8(plan.placement),
        ops_int8=sum(
            op.quantized or plan.placement[op.id] is Precision.INT8 for op in graph.ops
        ),
        quantized=any(op.quantized for op in graph.ops),
        ops=len(castable),
        ops_low=len(low),
        casts=len(casts(graph, plan.placement)),
        fp32_bytes=sum(t.elements * t.itemsize for t in weights),
        saved_bytes=candidate_bytes(converted.saved),
        judgement=converted.judgement,
        drift=converted.drift,
        worst=converted.worst,
        latency=None if timed is None else dict(timed.latency),
        trials=len(found.trials),
        replayed=conversion.replayed is not None,
        interrupted=found.interrupted or context.interrupts.came,
        is_target=conversion.timed_here,
        kernels=counted(conversion.forms_in_use(plan.placement)),
        fp32=_reasons(plan),
        script=context.script,
        model=destination(converted.saved, missed),
        plan=plan_file,
        warnings=tuple(context.warnings),
        package=package,
        ended=found.ended,
        notes=(*conversion.notes, *context.notes),
        weights=_weights(graph, plan),
        rules=None if timed is None else timed.rules,
        performed=None if timed is None else timed.performed,
        rebuilt=context.options.trial,
        drawn=dict(conversion.slots.drawn),
    )


def _drift_data(converted: Converted) -> dict[str, Any]:
    """The output error where nothing is judged, and the op that adds most, if told."""
    if converted.drift is None:
        return {}
    worst = {} if converted.worst is None else {"worst": asdict(converted.worst)}
    return {"drift": {"output_error": converted.drift, **worst}}


def _reasons(plan: Plan) -> dict[str, str]:
    return {
        op_id: reason.said
        for op_id, reason in plan.fp32.items()
        if reason.why not in (Why.FIXED, Why.INT8)
    }


def _weights(graph: Graph, plan: Plan) -> tuple[int, int] | None:
    """Under objective memory, bytes of the weights in fp32 and as placed."""
    if plan.objective != "memory":
        return None
    fp32 = dict.fromkeys(graph.by_id, Precision.FP32)
    return weight_bytes(graph, fp32), weight_bytes(graph, plan.placement)


def _bytes_differ(converted: Converted) -> bool:
    """Whether a replay made other bytes, and nothing that changed explains it."""
    replayed = converted.conversion.replayed
    if replayed is None or converted.conversion.changes:
        return False
    recorded = replayed.get("model")
    known = recorded.get("sha256") if isinstance(recorded, dict) else None
    return known != candidate_hash(converted.saved)


def _plan_path(context: Context, missed: bool, new: bool) -> Path:
    """Where the plan is, or is written to."""
    lock = context.options.plan
    if context.options.trial is not None:
        return context.options.output / lock.name
    return lock.with_suffix(".failed.json") if new and missed else lock


def _put_in_place(
    converted: Converted, plan: Path, content: Mapping[str, Any] | None, missed: bool
) -> None:
    """Deliver the candidates, and write the plan if there is a new one.

    Neither a plan nor a package may stand beside a model that it isn't of.
    """
    saved, package = converted.saved, converted.package
    with nullcontext() if content is None else replaced_plan(plan, content, saved):
        if package is not None:
            destination(package.path, missed).unlink(missing_ok=True)
        deliver(saved, missed)
    if package is not None:
        deliver(package.path, missed)
