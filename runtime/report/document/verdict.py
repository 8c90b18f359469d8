"""What came of a run, in a sentence or two."""

from __future__ import annotations

from collections.abc import Sequence

from ...evaluation.judging.digits import apart_in
from ..comparison import RESULT
from ..report import Report
from .document import Outcome
from .figures import Accuracy, Contender, Number, limit

MOST = 3
"""Numbers that are named in a sentence."""


def outcome(report: Report) -> Outcome:
    """Whether the criterion holds, for the model and its package."""
    if report.judgement is None:
        return Outcome.UNCHECKED
    package = report.package is None or report.package.holds
    holds = report.judgement.holds and package
    return Outcome.HOLDS if holds else Outcome.MISSED


def verdict(
    report: Report, accuracy: Accuracy | None, contenders: tuple[Contender, ...]
) -> str:
    """The same in words, with what it costs and what it gains."""
    sentences = [_judged(report, accuracy), _speed(report, contenders)]
    if report.interrupted:
        sentences.append("The search was interrupted: this is the best that passed.")
    return " ".join(filter(None, sentences))


def _share(report: Report) -> str:
    if not report.ops_low:
        return "Everything stays in fp32"
    share = report.flops_low / max(report.flops, 1)
    return f"{share:.1%} of the computation runs in {report.low}"


def _judged(report: Report, accuracy: Accuracy | None) -> str:
    share = _share(report)
    if accuracy is None:
        error = "" if report.drift is None else f" Output error: {report.drift:.1e}."
        return f"{share}; nothing was judged.{error}"
    if outcome(report) is Outcome.HOLDS:
        return f"{share}; {_all(accuracy.numbers)}."
    missed = [each for each in accuracy.numbers if not each.holds]
    if not accuracy.finite:
        why = "outputs are not finite"
    else:
        why = _all(missed) if missed else "the compiled package misses it"
    return f"The criterion is not met: {why}. {share}."


def _all(numbers: Sequence[Number]) -> str:
    """What became of them, and what is demanded; the first few of many."""
    first = "; ".join(map(_moved, numbers[:MOST]))
    more = len(numbers) - MOST
    return f"{first}; and {more} more" if more > 0 else first


def _moved(number: Number) -> str:
    before, after, bound = apart_in(
        number.metric, number.fp32, number.result, number.bound
    )
    demanded = f"({limit(number)} {bound} is demanded)"
    if number.stated:
        return f"{number.metric} is {after} {demanded}"
    if number.fp32 == number.result:
        return f"{number.metric} stays at {after} {demanded}"
    return f"{number.metric} goes from {before} to {after} {demanded}"


def _speed(report: Report, contenders: tuple[Contender, ...]) -> str:
    result = next((each for each in contenders if each.key == RESULT), None)
    if result is None or result.latency is None or result.speedup is None:
        return ""
    longer = 1 / max(result.speedup, 1e-9)
    return {
        "faster": f"A batch is {result.speedup:.2f} times as fast as fp32.",
        "slower": f"It is slower: a batch takes {longer:.2f} times as long as in fp32.",
        "within noise": "A batch takes as long as in fp32, within noise.",
    }[result.verdict]
