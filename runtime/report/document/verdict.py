"""What came of a run, in a sentence or two."""

from __future__ import annotations

from ...evaluation.evaluation import rounded
from ..comparison import RESULT
from ..report import Report
from .document import Outcome
from .figures import Accuracy, Contender


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
    before, after = rounded(accuracy.fp32), rounded(accuracy.result)
    if before == after:
        moved = f"{accuracy.metric} stays at {after}"
    else:
        moved = f"{accuracy.metric} goes from {before} to {after}"
    limit = "at least" if accuracy.higher_is_better else "at most"
    demanded = f"{limit} {rounded(accuracy.bound)} is demanded"
    if outcome(report) is Outcome.HOLDS:
        return f"{share} and {moved}, where {demanded}."
    if not accuracy.finite:
        moved = "outputs are not finite"
    elif accuracy.holds:
        moved = "the compiled package misses it"
    return f"The criterion is not met: {moved}, where {demanded}. {share}."


def _speed(report: Report, contenders: tuple[Contender, ...]) -> str:
    result = next((each for each in contenders if each.key == RESULT), None)
    if result is None or result.latency is None or result.speedup is None:
        return ""
    ratio = f"{result.speedup:.2f} times as fast as fp32"
    return {
        "faster": f"A batch is {ratio}.",
        "slower": f"It is slower: a batch is {ratio}.",
        "within noise": "A batch takes as long as in fp32, within noise.",
    }[result.verdict]
