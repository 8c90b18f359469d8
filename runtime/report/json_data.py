"""A report as strict JSON's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..common.files import shown
from ..common.strict_json import strict
from ..common.telling.failures import INTERRUPTED, MISSED, Failure
from ..evaluation.judgement import Judgement, Package
from ..evaluation.judging.verdict import verdict_data
from .comparison import COMPILED, RESULT, RuleBased
from .report import Report
from .speed import rules_hold, speed_data


def as_json(report: Report) -> dict[str, Any]:
    """The report as strict JSON's data; paths as the user would type them here."""
    data = asdict(report)
    for name in ("script", "plan", "model"):
        data[name] = shown(getattr(report, name))
    data["page"] = None if report.page is None else shown(report.page)
    if report.judgement is not None:
        data["judgement"] = _judgement_data(report.judgement)
    if report.latency is not None:
        data |= speed_data(report.latency, RESULT)
        for name, latency in report.latency.items():
            data["latency"][name]["noisy"] = latency.noisy
    if report.rules is not None:
        data["rules"] = _rules_data(report, report.rules)
    if report.package is not None:
        data["package"] = _package_data(report, report.package)
    data["diagnostics"] = [each.data for each in _failures(report)]
    told: dict[str, Any] = strict({**data, "exit_code": report.exit_code})
    return told


def _failures(report: Report) -> Iterator[Failure]:
    """Why the exit code is not 0."""
    if report.interrupted:
        yield Failure(INTERRUPTED, "interrupted: what had passed is delivered")
    judged = (report.judgement, report.package and report.package.judgement)
    for each in judged:
        if each and not each.holds:
            yield Failure(MISSED, "; ".join(each.lines))


def _judgement_data(judgement: Judgement) -> dict[str, Any]:
    """Without the scores of every sample."""
    data = asdict(judgement)
    for evaluation in (data["baseline"], data["result"]):
        for number in (evaluation, *evaluation["parts"]):
            del number["scores"]
        if evaluation["data"] is not None:
            del evaluation["data"]["chain"]
    numbers = list(map(verdict_data, judgement.verdicts))
    parts = [
        {"metric": fp32.metric, "fp32": fp32.value, "result": result.value}
        for fp32, result in judgement.parts
    ]
    return {**data, "holds": judgement.holds, "numbers": numbers, "parts": parts}


def _rules_data(report: Report, rules: RuleBased) -> dict[str, Any]:
    judged, scored = report.judgement, rules.evaluation
    holds = None
    if judged is not None and scored is not None:
        holds = rules_hold(rules, judged.criterion, judged.baseline.value)
    return {
        "flops_low": rules.flops_low,
        "same": rules.same,
        "aside": rules.aside,
        "result": None if scored is None else scored.value,
        "holds": holds,
    }


def _package_data(report: Report, package: Package) -> dict[str, Any]:
    data = {**asdict(package), "path": shown(package.path)}
    data["bytes"] = package.path.stat().st_size
    if package.judgement is not None:
        data["judgement"] = _judgement_data(package.judgement)
    if report.latency is not None and COMPILED in report.latency:
        data |= speed_data(report.latency, COMPILED)
    return data
