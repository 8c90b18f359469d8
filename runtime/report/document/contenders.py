"""From a run's report to accuracy, latency and size, side by side."""

from __future__ import annotations

from dataclasses import replace
from itertools import starmap

from ...common.timing import UNCLEAR, speedup, verdict
from ...evaluation.criterion import Stated
from ...evaluation.judgement import Judgement
from ...evaluation.judging.verdict import Verdict
from ...evaluation.performance.performed import Speed as Measured
from ..comparison import COMPILED, FP32, PREPARED, RESULT, RULES, RuleBased
from ..report import Report
from ..speed import rules_hold
from .figures import (
    Accuracy,
    Contender,
    Latency,
    Number,
    Performance,
    Product,
    Size,
    Speed,
)


def accuracy_of(report: Report) -> Accuracy | None:
    """What was judged, None where nothing was."""
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
        tuple(Product(a.metric, a.value, b.value) for a, b in judged.parts),
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


def contenders_of(report: Report) -> tuple[Contender, ...]:
    """Those that there are: always the model as loaded, prepared, and the result."""
    judged, package = report.judgement, report.package
    base = None if judged is None else judged.baseline.value
    rows = [
        _contender(report, FP32, Contender(FP32, base)),
        _contender(report, PREPARED, Contender(PREPARED, note=PREPARED_NOTE)),
        _contender(report, RESULT, _judged(RESULT, report, judged)),
    ]
    if package is not None:
        compiled = _judged(COMPILED, report, package.judgement)
        rows.append(_contender(report, COMPILED, compiled))
    if report.rules is not None:
        rows.append(_contender(report, RULES, _by_rules(report.rules, judged)))
    return tuple(rows)


def _judged(key: str, report: Report, judged: Judgement | None) -> Contender:
    made = Contender(key, flops_low=report.flops_low, flops_int8=report.flops_int8)
    if judged is None:
        return made
    return replace(made, value=judged.result.value, holds=judged.holds)


def _by_rules(rules: RuleBased, judged: Judgement | None) -> Contender:
    same = {RESULT: "the same placement as the result", PREPARED: "nothing low"}
    untimed = f"not timed: {rules.aside}" if rules.aside else ""
    note = same.get(rules.same, untimed)
    made = Contender(RULES, flops_low=rules.flops_low, note=note)
    if judged is None or rules.evaluation is None:
        return made
    holds = rules_hold(rules, judged.criterion, judged.baseline.value)
    return replace(made, value=rules.evaluation.value, holds=holds)


def _contender(report: Report, key: str, known: Contender) -> Contender:
    """With its latency, if it was timed."""
    timed = report.latency or {}
    latency, base = timed.get(key), timed.get(FP32)
    if latency is None or base is None:
        return known
    found = "" if key == FP32 else verdict(base, latency, FP32, key)
    times = latency.median, latency.low, latency.high, latency.runs, latency.noisy
    return replace(
        known,
        latency=Latency(*times),
        speedup=None if found == UNCLEAR else speedup(base, latency),
        verdict=found,
    )


def performance_of(report: Report) -> Performance | None:
    """What `evaluation.performance` asked for, None without it."""
    found = report.performed
    if found is None:
        return None
    models = tuple(starmap(_speed, found.models.items()))
    return Performance(found.batch, found.instances, found.cores, models, found.notes)


def _speed(key: str, of: Measured) -> Speed:
    return Speed(
        key,
        *of.latency,
        of.throughput,
        *of.throughput_noise,
        of.runs,
        of.peak_bytes,
        of.file_bytes,
        *of.noise,
    )


def size_of(report: Report) -> Size:
    """What is stored of weights, model and package."""
    package = report.package
    return Size(
        report.fp32_bytes,
        report.saved_bytes,
        None if report.weights is None else report.weights[1],
        None if package is None else package.path.stat().st_size,
    )
