"""An explanation for people, and as JSON's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..common.strict_json import strict
from ..evaluation.evaluation import rounded
from ..graph.pins import Why
from .comparison import COMPILED, PREPARED, RESULT, RULES
from .explain import Explanation, Kept, Tried, advice, amount
from .speed import against_rules, speed_lines

MOST = 8
"""Rows of one list; the plan has all."""

BAR = 20

WHYS = {
    Why.USER: "the spec says so",
    Why.NO_KERNEL: "there is no kernel that works",
    Why.RANGE: "the format can't hold its values",
    Why.ACCURACY: "accuracy",
    Why.LATENCY: "it is no faster in 16 bits",
    Why.MEMORY: "it would be stored twice",
    Why.CAST: "casts would cost more than it gains",
}


def explanation_text(found: Explanation) -> str:
    """What a person reads; the caller makes it printable."""
    return "\n".join(_lines(found))


def explanation_data(found: Explanation) -> Any:
    """The same as strict JSON's data."""
    return strict({**asdict(found), "advice": list(advice(found))})


def _lines(found: Explanation) -> Iterator[str]:
    yield f"{found.name}: fp32 -> {found.low} + fp32, {found.objective}"
    yield f"  accuracy   {_accuracy(found)}"
    yield from _speed(found)
    share = found.flops_low / max(found.flops, 1)
    yield (
        f"  compute    {share:.1%} of FLOPs and {found.ops_low} of {found.ops} ops in "
        f"{found.low}, {_count(found.casts, 'cast')}, {_count(found.trial_count, 'trial')}"
    )
    yield from _groups(found)
    yield from _ranking(found)
    yield from _trials(found)
    said = list(advice(found))
    if said:
        yield ""
        yield "What could be done"
        yield from (f"  - {each}" for each in said)


def _accuracy(found: Explanation) -> str:
    judged = found.judged
    if judged is None:
        return "criterion not checked: the spec has no evaluation"
    limit = "at least" if judged.criterion.higher_is_better else "at most"
    state = "criterion holds" if judged.holds else "CRITERION NOT MET"
    bound = rounded(judged.criterion.bound(judged.fp32))
    values = f"{rounded(judged.fp32)} -> {rounded(judged.result)}"
    return f"{judged.metric} {values}  ({limit} {bound}: {state})"


def _speed(found: Explanation) -> Iterator[str]:
    latency = found.latency
    if not {"fp32", RESULT} <= latency.keys():
        yield "  latency    not timed on the target"
        return
    for line in speed_lines(latency, RESULT):
        yield f"  latency    {line}"
    if COMPILED in latency:
        for line in speed_lines(latency, COMPILED):
            yield f"  compiled   {line}"
    same = found.rules.get("same")
    if same in (RESULT, PREPARED):
        what = "the same placement" if same == RESULT else "nothing low"
        yield f"  rules      by op types alone: {what}"
    elif RULES in latency:
        milliseconds = f"{latency[RULES].median * 1e3:.2f} ms"
        yield f"  rules      by op types alone: {milliseconds}; {against_rules(latency)}"


def _groups(found: Explanation) -> Iterator[str]:
    yield ""
    if not found.kept:
        yield "No op that could be in 16 bits stayed fp32."
        return
    yield "Why ops stayed fp32"
    groups: dict[Why, list[Kept]] = {}
    for each in found.kept:
        groups.setdefault(each.why, []).append(each)

    def size(why: Why) -> tuple[float, float, int]:
        rows = groups[why]
        shares = sum(each.share or 0.0 for each in rows)
        return -shares, -sum(each.gain or 0.0 for each in rows), -len(rows)

    for why in sorted(groups, key=size):
        rows = groups[why]
        yield f"  {WHYS.get(why, str(why))}: {_totals(rows, found)}"
        one = len({each.text for each in rows}) == 1
        if one:
            yield f"    {rows[0].text}"
        for each in rows[:MOST]:
            numbers = _numbers(each, found.unit)
            text = "" if one else f"  {each.text}"
            yield f"    {each.op}{text}{f'  ({numbers})' if numbers else ''}"
        if len(rows) > MOST:
            yield f"    {len(rows) - MOST} more, see the plan"


def _totals(rows: list[Kept], found: Explanation) -> str:
    gain = sum(each.gain or 0.0 for each in rows)
    share = sum(each.share or 0.0 for each in rows)
    parts = [_count(len(rows), "op")]
    if share:
        parts.append(f"{share:.1%} of the predicted error")
    if gain > 0:
        whole = f" ({gain / max(found.flops, 1):.1%})" if found.unit == "FLOPs" else ""
        parts.append(f"{amount(gain, found.unit)}{whole} not gained")
    return ", ".join(parts)


def _numbers(each: Kept, unit: str) -> str:
    parts = []
    if each.share is not None:
        parts.append(f"{each.share:.1%} of the predicted error")
    if each.gain:
        parts.append(f"would gain {amount(each.gain, unit)}")
    return ", ".join(parts)


def _ranking(found: Explanation) -> Iterator[str]:
    if not found.ranking:
        return
    fp32 = {each.op for each in found.kept}
    yield ""
    yield (
        f"What each op alone changes in the outputs ({found.ranking[0].method}; "
        "share of the squared error)"
    )
    for each in found.ranking[:MOST]:
        bar = "#" * round(min(max(0.0, each.share), 1.0) * BAR)
        held = "fp32" if each.op in fp32 else found.low
        yield f"  {each.share:6.1%} {bar:<{BAR}} {each.error:.1e}  {held}  {each.op}"
    if len(found.ranking) > MOST:
        yield f"  {len(found.ranking) - MOST} more, see the plan"


def _trials(found: Explanation) -> Iterator[str]:
    if not found.trials:
        return
    yield ""
    yield "Trials"
    for each in found.trials:
        yield f"  {each.number:>3}  {_count(each.ops_low, 'op')} in {found.low}  {_ended(each)}"


def _ended(each: Tried) -> str:
    if each.value is None:
        return (each.failure.splitlines() or ["outputs were not finite"])[0]
    return rounded(each.value) + ("" if each.full else ", ended early")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
