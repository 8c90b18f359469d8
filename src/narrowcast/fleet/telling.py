"""Outcomes in words: a line as each comes, a table of all, and as JSON's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .task import INTERRUPTED, Outcome

STATES = {
    1: "criterion NOT met",
    2: "failed",
    3: "requirement not met",
    4: "internal error",
    INTERRUPTED: "interrupted",
}
COLUMNS = ("model", "result", "score", "low", "time", "on")


def state(outcome: Outcome) -> str:
    """What came of it, in two words."""
    if outcome.current:
        return "up to date"
    if outcome.code:
        return STATES.get(outcome.code, f"exit code {outcome.code}")
    judged = (outcome.report or {}).get("judgement")
    return "criterion holds" if judged else "not judged"


def line(outcome: Outcome) -> str:
    """What is said as it comes: why it failed, too."""
    first = f"{outcome.name}: {state(outcome)}"
    said = (
        [f"  {each}" for each in outcome.said.splitlines()] if outcome.code > 1 else []
    )
    return "\n".join((first, *said))


def table(outcomes: Sequence[Outcome]) -> str:
    """A row for each, and how many did what."""
    rows = [COLUMNS, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(each.rstrip() for each in lines)


def _row(outcome: Outcome) -> tuple[str, ...]:
    report = outcome.report or {}
    seconds = f"{outcome.seconds:.0f} s" if outcome.seconds else "-"
    score, low = _score(report), _low(report)
    return outcome.name, state(outcome), score, low, seconds, outcome.machine or "-"


def _score(report: Mapping[str, Any]) -> str:
    judged = report.get("judgement")
    if not judged:
        return "-"
    fp32, result = judged["baseline"], judged["result"]
    return f"{fp32['metric']} {fp32['value']:#.4g} -> {result['value']:#.4g}"


def _low(report: Mapping[str, Any]) -> str:
    if not report.get("flops"):
        return "-"
    return f"{report['flops_low'] / report['flops']:.1%} {report['low']}"


def data(outcomes: Sequence[Outcome], index: str) -> dict[str, Any]:
    """All as JSON's data."""
    runs = [
        {
            "spec": each.spec,
            "name": each.name,
            "state": state(each),
            "exit_code": each.code,
            "seconds": round(each.seconds, 3),
            "machine": each.machine or None,
            "message": each.said or None,
            "report": None if each.report is None else dict(each.report),
        }
        for each in outcomes
    ]
    return {"index": index, "runs": runs}
