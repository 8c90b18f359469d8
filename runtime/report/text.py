"""An explanation for people, and as JSON's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..common.strict_json import strict
from ..evaluation.evaluation import rounded
from ..graph.pins import Why, reasoned
from .advice import advice
from .comparison import COMPILED, PREPARED, RESULT, RULES
from .explain import Explanation, Kept, Tried
from .speed import against_rules, speed_lines
from .wording.amounts import amount

MOST = 8
"""Rows of one list; the plan has all."""

BAR = 20

WHYS = {
    Why.USER: "the spec says so",
    Why.INT8: "it is int8 as before",
    Why.NO_KERNEL: "there is no kernel that works",
    Why.RANGE: "the format can't hold its values",
    Why.BOUND: "it reads whole numbers that may grow",
    Why.ACCURACY: "accuracy",
    Why.LATENCY: "it is no faster in 16 bits",
    Why.MEMORY: "it would be stored twice",
    Why.CAST: "casts would cost more than it gains",
}


def explanation_text(explanation: Explanation) -> str:
    """What a person reads; the caller makes it printable."""
    return "\n".join(_lines(explanation))


def explanation_data(explanation: Explanation) -> Any:
    """The same as strict JSON's data."""
    return strict({**asdict(explanation), "advice": list(advice(explanation))})


def _lines(explanation: Explanation) -> Iterator[str]:
    int8 = "int8 + " if explanation.flops_int8 else ""
    low = f"{explanation.low} + " if explanation.ops_low or not int8 else ""
    made = f"{int8}{low}fp32"
    yield f"{explanation.name}: fp32 -> {made}, {explanation.objective}"
    yield from (f"  accuracy   {line}" for line in _accuracy(explanation))
    yield from _speed(explanation)
    share = explanation.flops_low / max(explanation.flops, 1)
    yield (
        f"  compute    {_int8(explanation)}{share:.1%} of FLOPs and "
        f"{explanation.ops_low} of {explanation.ops} ops in {explanation.low}, "
        f"{_count(explanation.casts, 'cast')}, "
        f"{_count(explanation.trial_count, 'trial')}"
    )
    yield from _border(explanation)
    yield from _calibration(explanation)
    yield from _groups(explanation)
    yield from _above_int8(explanation)
    yield from _ranking(explanation)
    yield from _trials(explanation)
    said = list(advice(explanation))
    if said:
        yield ""
        yield "What could be done"
        yield from (f"  - {sentence}" for sentence in said)


def _int8(explanation: Explanation) -> str:
    share = explanation.flops_int8 / max(explanation.flops, 1)
    ops = f" and {_count(explanation.ops_int8, 'op')}" if explanation.ops_int8 else ""
    return f"{share:.1%} of FLOPs{ops} in int8, " if share else ""


def _border(explanation: Explanation) -> Iterator[str]:
    for key, found in explanation.io.items():
        named = ", ".join(f"{name} in {each}" for name, each in found.items())
        yield f"  {key:<10} {named}"


def _calibration(explanation: Explanation) -> Iterator[str]:
    said = explanation.calibration
    if said:
        yield (
            f"  int8       ranges ({' and '.join(said['algorithms'])}) of "
            f"{_count(said['samples'], 'sample')} of {said['from']}"
        )


def _above_int8(explanation: Explanation) -> Iterator[str]:
    if not explanation.above_int8:
        return
    yield ""
    yield "Why ops are above int8"
    for each in explanation.above_int8[:MOST]:
        yield f"  {each.op}  {reasoned(each.why, each.text)}"
    if len(explanation.above_int8) > MOST:
        yield f"  {len(explanation.above_int8) - MOST} more, see the plan"


def _accuracy(explanation: Explanation) -> tuple[str, ...]:
    judged = explanation.judged
    if judged is None:
        return ("criterion not checked: nothing was judged",)
    return tuple(each.line() for each in judged.verdicts)


def _speed(explanation: Explanation) -> Iterator[str]:
    latency = explanation.latency
    if not {"fp32", RESULT} <= latency.keys():
        yield "  latency    not timed on the target"
        return
    for line in speed_lines(latency, RESULT):
        yield f"  latency    {line}"
    if COMPILED in latency:
        for line in speed_lines(latency, COMPILED):
            yield f"  compiled   {line}"
    same = explanation.rules.get("same")
    if same in (RESULT, PREPARED):
        what = "the same placement" if same == RESULT else "nothing low"
        yield f"  rules      by op types alone: {what}"
    elif RULES in latency:
        milliseconds = f"{latency[RULES].median * 1e3:.2f} ms"
        yield f"  rules      by op types alone: {milliseconds}; {against_rules(latency)}"


def _groups(explanation: Explanation) -> Iterator[str]:
    yield ""
    if not explanation.kept:
        yield "No op that could be in 16 bits stayed fp32."
        return
    yield "Why ops stayed fp32"
    groups: dict[Why, list[Kept]] = {}
    for kept in explanation.kept:
        groups.setdefault(kept.why, []).append(kept)

    def size(why: Why) -> tuple[float, float, int]:
        rows = groups[why]
        shares = sum(kept.share or 0.0 for kept in rows)
        return -shares, -sum(kept.gain or 0.0 for kept in rows), -len(rows)

    for why in sorted(groups, key=size):
        rows = groups[why]
        yield f"  {WHYS.get(why, str(why))}: {_totals(rows, explanation)}"
        one = len({kept.text for kept in rows}) == 1
        if one:
            yield f"    {rows[0].text}"
        for kept in rows[:MOST]:
            numbers = _numbers(kept, explanation.unit)
            text = "" if one else f"  {kept.text}"
            yield f"    {kept.op}{text}{f'  ({numbers})' if numbers else ''}"
        if len(rows) > MOST:
            yield f"    {len(rows) - MOST} more, see the plan"


def _totals(rows: list[Kept], explanation: Explanation) -> str:
    gain = sum(kept.gain or 0.0 for kept in rows)
    share = sum(kept.share or 0.0 for kept in rows)
    parts = [_count(len(rows), "op")]
    if share:
        parts.append(f"{share:.1%} of the predicted error")
    if gain > 0:
        of_all = f" ({gain / max(explanation.flops, 1):.1%})"
        whole = of_all if explanation.unit == "FLOPs" else ""
        parts.append(f"{amount(gain, explanation.unit)}{whole} not gained")
    return ", ".join(parts)


def _numbers(kept: Kept, unit: str) -> str:
    parts = []
    if kept.share is not None:
        parts.append(f"{kept.share:.1%} of the predicted error")
    if kept.gain:
        parts.append(f"would gain {amount(kept.gain, unit)}")
    return ", ".join(parts)


def _ranking(explanation: Explanation) -> Iterator[str]:
    if not explanation.ranking:
        return
    int8 = any(each.int8 for each in explanation.ranking)
    alone = f", in {explanation.low}," if explanation.has_int8 else ""
    alone = ", in int8 or else in 16 bits," if int8 else alone
    yield ""
    yield (
        f"What each op alone{alone} changes in the outputs "
        f"({explanation.ranking[0].method}; share of the squared error)"
    )
    for estimate in explanation.ranking[:MOST]:
        bar = "#" * round(min(max(0.0, estimate.share), 1.0) * BAR)
        held = explanation.precisions.get(estimate.op, explanation.low)
        numbers = f"{estimate.share:6.1%} {bar:<{BAR}} {estimate.error:.1e}"
        yield f"  {numbers}  {held}  {estimate.op}"
    if len(explanation.ranking) > MOST:
        yield f"  {len(explanation.ranking) - MOST} more, see the plan"


def _trials(explanation: Explanation) -> Iterator[str]:
    if not explanation.trials:
        return
    yield ""
    yield "Trials"
    for trial in explanation.trials:
        int8 = (
            f"{_count(trial.ops_int8, 'op')} in int8, " if explanation.has_int8 else ""
        )
        ops = f"{int8}{_count(trial.ops_low, 'op')} in {explanation.low}"
        yield f"  {trial.number:>3}  {ops}  {_ended(trial)}"


def _ended(trial: Tried) -> str:
    if trial.value is None:
        return (trial.failure.splitlines() or ["outputs were not finite"])[0]
    return rounded(trial.value) + ("" if trial.full else ", ended early")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
