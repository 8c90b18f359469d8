"""A run's report as the document that is written."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from ...common.timing import speedup, verdict
from ...common.version import VERSION
from ...evaluation.criterion import Stated
from ...evaluation.judgement import Judgement
from ...evaluation.judging.verdict import Verdict
from ...frameworks.inputs import Input as Declared
from ...graph.graph import Graph
from ...record.header import spec_file
from ...search import Found
from ...search.found import Plan
from ..comparison import COMPILED, FP32, PREPARED, RESULT, RULES, RuleBased
from ..report import Report
from ..speed import rules_hold
from ..summary import searched, untimed
from .document import FORMAT, Assumed, Document, Input, Origin
from .figures import Accuracy, Compute, Contender, Latency, Number, Size
from .modules import network, stretches
from .ops import kept_in_fp32, most_sensitive
from .trials import trials
from .verdict import outcome
from .verdict import verdict as in_words


@dataclass(frozen=True)
class Facts:
    """What a run knows besides its report.

    Attributes:
        inputs: The model's.
        made_up: Whether there was no data.
        provenance: As the plan has it.
        model_sha256: Of what was delivered.
        lock: The plan that was asked for: the history is beside it.
        folder: Of the document.
    """

    graph: Graph
    plan: Plan
    found: Found
    inputs: Sequence[Declared]
    made_up: bool
    provenance: Mapping[str, Any]
    model_sha256: str
    lock: Path
    folder: Path


def document(report: Report, facts: Facts, now: datetime) -> Document:
    """What is written of a run."""
    graph, plan = facts.graph, facts.plan
    accuracy, contenders = _accuracy(report), _contenders(report)
    ranked_by, ops = most_sensitive(graph, plan)
    earlier = report.replayed or report.rebuilt is not None
    return Document(
        format=FORMAT,
        narrowcast=VERSION,
        name=report.name,
        made=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        outcome=outcome(report),
        verdict=in_words(report, accuracy, contenders),
        exit_code=report.exit_code,
        precision=str(report.low),
        objective=report.objective,
        unit=plan.unit,
        searched=searched(report),
        compute=Compute(
            report.flops,
            report.flops_low,
            report.ops,
            report.ops_low,
            report.casts,
            report.kernels,
        ),
        accuracy=accuracy,
        drift=report.drift,
        contenders=contenders,
        untimed="" if report.latency is not None else untimed(report),
        size=_size(report),
        trials=trials(
            graph, plan, facts.found, report.judgement, facts.lock if earlier else None
        ),
        network=network(graph, plan.placement, plan.low),
        order=stretches(graph, plan.placement, plan.low),
        ranked_by=ranked_by,
        ops=ops,
        fp32=kept_in_fp32(graph, plan),
        assumed=_assumed(report, facts),
        warnings=report.warnings,
        notes=report.notes,
        origin=_origin(report, facts),
        reproduce=_reproduce(report, facts),
    )


def _accuracy(report: Report) -> Accuracy | None:
    judged = report.judgement
    if judged is None:
        return None
    criterion, base = judged.criterion, judged.baseline.value
    return Accuracy(
        judged.result.metric,
        judged.result.samples,
        base,
        judged.result.value,
        criterion.bound(base),
        criterion.higher_is_better,
        judged.loss,
        judged.holds,
        judged.result.finite,
        tuple(map(_number, judged.verdicts)),
    )


def _number(judged: Verdict) -> Number:
    criterion = judged.criterion
    return Number(
        judged.metric,
        judged.fp32,
        judged.result,
        criterion.bound(judged.fp32),
        criterion.relative,
        criterion.absolute,
        isinstance(criterion, Stated),
        criterion.higher_is_better,
        judged.holds,
        judged.step,
    )


PREPARED_NOTE = "agrees with fp32 as loaded within its rounding"


def _contenders(report: Report) -> tuple[Contender, ...]:
    """Those that there are: always the model as loaded, prepared, and the result."""
    judged, package = report.judgement, report.package
    base = None if judged is None else judged.baseline.value
    rows = [
        _contender(report, FP32, Contender(FP32, base)),
        _contender(report, PREPARED, Contender(PREPARED, note=PREPARED_NOTE)),
        _contender(report, RESULT, _judged(RESULT, judged, report.flops_low)),
    ]
    if package is not None:
        compiled = _judged(COMPILED, package.judgement, report.flops_low)
        rows.append(_contender(report, COMPILED, compiled))
    if report.rules is not None:
        rows.append(_contender(report, RULES, _by_rules(report.rules, judged)))
    return tuple(rows)


def _judged(key: str, judged: Judgement | None, flops_low: int) -> Contender:
    if judged is None:
        return Contender(key, flops_low=flops_low)
    return Contender(key, judged.result.value, judged.holds, flops_low)


def _by_rules(rules: RuleBased, judged: Judgement | None) -> Contender:
    same = {RESULT: "the same placement as the result", PREPARED: "nothing low"}
    untimed = f"not timed: {rules.aside}" if rules.aside else ""
    note = same.get(rules.same, untimed)
    if judged is None or rules.evaluation is None:
        return Contender(RULES, flops_low=rules.flops_low, note=note)
    holds = rules_hold(rules, judged.criterion, judged.baseline.value)
    return Contender(RULES, rules.evaluation.value, holds, rules.flops_low, note=note)


def _contender(report: Report, key: str, known: Contender) -> Contender:
    """With its latency, if it was timed."""
    timed = report.latency or {}
    latency, base = timed.get(key), timed.get(FP32)
    if latency is None or base is None:
        return known
    return replace(
        known,
        latency=Latency(latency.median, latency.low, latency.high, latency.runs),
        speedup=speedup(base, latency),
        verdict="" if key == FP32 else verdict(base, latency),
    )


def _size(report: Report) -> Size:
    package = report.package
    return Size(
        report.fp32_bytes,
        report.saved_bytes,
        None if report.weights is None else report.weights[1],
        None if package is None else package.path.stat().st_size,
    )


def _assumed(report: Report, facts: Facts) -> Assumed:
    data = report.judgement.result.data if report.judgement else None
    return Assumed(
        tuple(
            Input(
                each.name,
                "" if each.shape is None else " × ".join(map(str, each.shape)),
                each.dtype or "",
            )
            for each in facts.inputs
        ),
        facts.made_up,
        None if data is None else data.batches,
        "" if data is None else data.digest,
        report.notes,
    )


def _origin(report: Report, facts: Facts) -> Origin:
    about, machine = facts.provenance, facts.provenance["hardware"]
    package = report.package
    return Origin(
        framework=about["framework"],
        cpu=machine["cpu"],
        architecture=machine["architecture"],
        cuda=machine.get("cuda", ""),
        is_target=report.is_target,
        python=platform.python_version(),
        system=platform.system(),
        switches=about["switches"],
        spec=spec_file(report.script),
        spec_sha256=about["spec"],
        script=_beside(report.script, facts),
        plan=_beside(report.plan, facts),
        model=_beside(report.model, facts),
        package="" if package is None else _beside(package.path, facts),
        model_sha256=facts.model_sha256,
        graph=facts.graph.fingerprint(),
        files=about["files"],
    )


def _beside(path: Path, facts: Facts) -> str:
    """A file as it is found from the document's folder."""
    try:
        return Path(os.path.relpath(path, facts.folder)).as_posix()
    except ValueError:  # another drive
        return path.name


def _reproduce(report: Report, facts: Facts) -> dict[str, str]:
    """What to run, in the document's folder."""
    script, spec = _beside(report.script, facts), spec_file(report.script)
    python = f"python {quote(script)}"
    commands = {
        "Replay the plan, to the same bytes": python,
        "Search anew": f"{python} --search",
    }
    if spec:
        beside = quote((Path(script).parent / spec).as_posix())
        commands["Hold the script to its spec"] = (
            f"narrowcast generate {beside} --check"
        )
    return commands
