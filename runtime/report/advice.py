"""What the user of a plan could do, as far as its numbers say so."""

from __future__ import annotations

from collections.abc import Iterator

from ..common.timing import SLOWER, verdict
from ..evaluation.judging.verdict import allowance
from ..graph.pins import Why
from .comparison import RESULT, RULES
from .explain import Explanation, Judged
from .speed import NAMES
from .wording.amounts import amount


def advice(explanation: Explanation) -> Iterator[str]:
    """What the user could do, as far as the numbers say so."""
    judged = explanation.judged
    if judged is not None:
        yield from _about_the_criterion(explanation, judged)
    pinned = [op for op in explanation.kept if op.why is Why.USER and op.gain]
    if pinned:
        gain = sum(op.gain or 0.0 for op in pinned)
        yield (
            f"the spec's own pins keep {amount(gain, explanation.unit)} in fp32: lift "
            "them if they are not needed"
        )
    yield from _about_speed(explanation)


def _about_speed(explanation: Explanation) -> Iterator[str]:
    slower = [n for base, n in NAMES.items() if _is_slower_than(explanation, base)]
    if slower:
        avoided = explanation.objective == "latency"
        other = "" if avoided else ": `objective: latency` avoids that"
        yield f"the result is slower than {' and '.join(slower)}{other}"
    if not explanation.rules.get("same") and _is_slower_than(explanation, RULES):
        yield "what lists of op types give is faster: see whether its accuracy will do"


def _is_slower_than(explanation: Explanation, base: str) -> bool:
    latency = explanation.latency
    if base not in latency:
        return False
    return verdict(latency[base], latency[RESULT], base, RESULT) == SLOWER


def _about_the_criterion(explanation: Explanation, judged: Judged) -> Iterator[str]:
    criterion, base = judged.criterion, judged.fp32
    if not judged.holds:
        yield (
            f"the criterion is not met: this placement needs {judged.needed}, or more "
            "ops pinned"
        )
        return
    better = [
        trial
        for trial in explanation.trials or ()
        if trial.value is not None
        and trial.full
        and trial.ops_low > explanation.ops_low
        and not criterion.holds(base, trial.value)
    ]
    if better:
        best = min(better, key=lambda trial: criterion.loss(base, trial.value or 0.0))
        allowed, won = allowance(criterion, base, best.value or 0.0), ""
        if best.flops_low:
            won = f" and {amount(best.flops_low, 'FLOPs')} more"
        more = best.ops_low - explanation.ops_low
        ops = f"{more} op{'s' * (more != 1)}"
        yield (
            f"{allowed} would win {ops}{won} in {explanation.low}: trial {best.number}"
        )
