"""What came of a run, in a sentence or two."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...common.timing import FASTER, SAME, SLOWER, UNCLEAR, WITHIN
from ..comparison import FP32, RESULT
from ..report import Report
from ..speed import ranges
from ..wording.numbers import percent
from .document import Outcome
from .figures import Accuracy, Contender, Number, limit
from .figures import told as figures

MOST = 3
"""Numbers that have a sentence each; of more all are listed."""

MADE_UP = "on random inputs, which show ranges of nothing real, "


def outcome(report: Report) -> Outcome:
    """Whether the criterion holds, for the model and its package."""
    if report.judgement is None:
        return Outcome.UNCHECKED
    package = report.package is None or report.package.holds
    holds = report.judgement.holds and package
    return Outcome.HOLDS if holds else Outcome.MISSED


def verdict(
    report: Report,
    accuracy: Accuracy | None,
    contenders: tuple[Contender, ...],
    made_up: bool = False,
) -> str:
    """The same in words, with what it costs and what it gains.

    Args:
        made_up: Whether it was judged on random inputs.
    """
    sentences = [_judged(report, accuracy, made_up), _speed(report, contenders)]
    if report.interrupted:
        sentences.append("The search was interrupted: this is the best that passed.")
    return " ".join(filter(None, sentences))


def _share(report: Report) -> str:
    if not report.changed and not report.ops_int8:
        return "Everything stays in fp32: nothing was converted"
    if not report.changed:
        return "Nothing was left to convert: it computes in int8 as it came"
    whole = max(report.flops, 1)
    low = f"{report.flops_low / whole:.1%}"
    if not report.flops_int8:
        return f"{low} of the computation runs in {report.low}"
    int8 = f"{percent(report.flops_int8 / whole)} of the computation runs in int8"
    return f"{int8}, {low} in {report.low}" if report.ops_low else int8


def _judged(report: Report, accuracy: Accuracy | None, made_up: bool) -> str:
    share, on = _share(report), MADE_UP if made_up else ""
    if accuracy is None:
        error = "" if report.drift is None else f" Output error: {report.drift:.1e}"
        seen = f", {MADE_UP.rstrip(', ')}" if made_up and error else ""
        return f"{share}; nothing was judged.{error}{seen}{'.' if error else ''}"
    if outcome(report) is Outcome.HOLDS:
        return f"{share}; {on}{_all(accuracy.numbers)}."
    missed = [each for each in accuracy.numbers if not each.holds]
    if not accuracy.finite:
        why = "outputs are not finite"
    else:
        why = _all(missed) if missed else "the compiled package misses it"
    return f"The criterion is not met: {on}{why}. {share}."


def _all(numbers: Sequence[Number]) -> str:
    """What became of them, and what is demanded."""
    if len(numbers) <= MOST:
        return "; ".join(map(_moved, numbers))
    return f"of {len(numbers)} numbers, {', '.join(map(_short, numbers))}"


def _short(number: Number) -> str:
    _before, after, bound = figures(number)
    return f"{number.metric} {after} ({limit(number)} {bound})"


def _moved(number: Number) -> str:
    before, after, bound = figures(number)
    demanded = f"({limit(number)} {bound} is demanded)"
    if number.stated and not after[:1].isdigit() and math.isfinite(number.result):
        return f"{number.metric}: {after} {demanded}"
    if number.stated:
        return f"{number.metric} is {after} {demanded}"
    if number.fp32 == number.result:
        return f"{number.metric} stays at {after} {demanded}"
    return f"{number.metric} goes from {before} to {after} {demanded}"


def _speed(report: Report, contenders: tuple[Contender, ...]) -> str:
    result = next((each for each in contenders if each.key == RESULT), None)
    if result is None or result.latency is None:
        return ""
    if result.verdict == UNCLEAR or result.speedup is None:
        around = ranges(report.latency or {}, FP32, RESULT)
        return f"Speed beside fp32 is {UNCLEAR}: {around} per batch."
    longer = 1 / max(result.speedup, 1e-9)
    if result.verdict == WITHIN and abs(result.speedup - 1.0) >= SAME:
        return (
            f"A batch is {result.speedup:.2f} times as fast as fp32 by the medians, "
            "which is within noise."
        )
    return {
        FASTER: f"A batch is {result.speedup:.2f} times as fast as fp32.",
        SLOWER: f"It is slower: a batch takes {longer:.2f} times as long as in fp32.",
        WITHIN: "A batch takes as long as in fp32, within noise.",
    }[result.verdict]
