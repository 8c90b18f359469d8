"""What is said of speed: against fp32 as loaded, as prepared, and against a list's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.timing import (
    FASTER,
    SLOWER,
    UNCLEAR,
    WITHIN,
    Latency,
    speedup,
    verdict,
    wide,
)
from ..evaluation.criterion import Criterion
from ..evaluation.judging.digits import told
from ..evaluation.performance.performed import Performed, Speed
from .comparison import FP32, PREPARED, RESULT, RULES, RuleBased

NAMES = {FP32: "fp32", PREPARED: "prepared fp32"}
"""What is timed, for people."""


def against(latency: Mapping[str, Latency], base: str, what: str) -> str:
    """How many times as fast, "SLOWER", "within noise" and "too noisy" where it is so."""
    ratio = speedup(latency[base], latency[what])
    return {
        FASTER: f"{ratio:.2f}x as fast",
        SLOWER: f"SLOWER than {NAMES[base]}: {ratio:.2f}x as fast",
        WITHIN: f"{ratio:.2f}x, within noise",
        UNCLEAR: f"{UNCLEAR}: {ranges(latency, base, what)}",
    }[verdict(latency[base], latency[what], base, what)]


def ranges(latency: Mapping[str, Latency], base: str, what: str) -> str:
    """Of both, what half of the calls took."""
    before, after = (
        f"{each.low * 1e3:.2f} to {each.high * 1e3:.2f} ms"
        for each in (latency[base], latency[what])
    )
    return f"quartiles {before}, then {after}"


def speed_lines(latency: Mapping[str, Latency], what: str) -> list[str]:
    """What was timed, against the model as loaded and against prepared fp32."""
    if what not in latency:
        return ["not timed"]
    line = (
        f"{_ms(latency[FP32])} -> {_ms(latency[what])} per batch  "
        f"({against(latency, FP32, what)})"
    )
    if PREPARED not in latency:
        return [line]
    return [line, _prepared(latency, what)]


def _prepared(latency: Mapping[str, Latency], what: str) -> str:
    if latency[PREPARED] == latency[what]:
        return "nothing is in 16 bits: the result is prepared fp32 itself"
    ratio = speedup(latency[FP32], latency[PREPARED])
    alone = {
        FASTER: f"of which {ratio:.2f}x comes from preparing the graph",
        SLOWER: f"preparing the graph alone makes it slower: {ratio:.2f}x",
        WITHIN: f"preparing the graph alone gives {ratio:.2f}x, within noise",
        UNCLEAR: f"what preparing the graph gives is {UNCLEAR}",
    }[verdict(latency[FP32], latency[PREPARED], FP32, PREPARED)]
    said = against(latency, PREPARED, what)
    return f"{alone}; against prepared fp32, {_ms(latency[PREPARED])}: {said}"


def rules_line(
    latency: Mapping[str, Latency],
    rules: RuleBased,
    flops: int,
    criterion: Criterion | None,
    baseline: float | None,
) -> str:
    """What converters that go by lists of op types would give."""
    share = f"{rules.flops_low / max(flops, 1):.1%} of FLOPs low"
    if rules.same:
        same = {RESULT: "the same placement", PREPARED: "nothing low: prepared fp32"}
        return f"by op types alone: {same[rules.same]}"
    if rules.aside:
        return f"by op types alone: {share}, not timed: {rules.aside}"
    judged = ", accuracy not checked"
    if rules.evaluation is not None and criterion is not None and baseline is not None:
        holds = rules_hold(rules, criterion, baseline)
        state = "criterion holds" if holds else "MISSES the criterion"
        judged = f", {told(rules.evaluation)}: {state}"
    return f"by op types alone: {share}, {_ms(latency[RULES])}{judged}; {against_rules(latency)}"


def against_rules(latency: Mapping[str, Latency]) -> str:
    """How fast the result is beside the rule-based placement."""
    ratio = speedup(latency[RULES], latency[RESULT])
    return {
        FASTER: f"the result is {ratio:.2f}x as fast",
        SLOWER: f"the result is SLOWER than that: {ratio:.2f}x as fast",
        WITHIN: "as fast as the result, within noise",
        UNCLEAR: f"{UNCLEAR}: {ranges(latency, RULES, RESULT)}",
    }[verdict(latency[RULES], latency[RESULT], RULES, RESULT)]


def rules_hold(rules: RuleBased, criterion: Criterion, baseline: float) -> bool:
    """Whether the rule-based placement, which was evaluated, meets the criterion."""
    scored = rules.evaluation
    if scored is None or not scored.finite:
        return False
    return criterion.holds(baseline, scored.value)


def speed_data(latency: Mapping[str, Latency], what: str) -> dict[str, Any]:
    """Speed-ups, None where it is too noisy, and verdicts; against fp32 and prepared."""
    data: dict[str, Any] = {}
    for base, ending in ((FP32, ""), (PREPARED, "_prepared")):
        if base in latency:
            found = verdict(latency[base], latency[what], base, what)
            ratio = speedup(latency[base], latency[what])
            data[f"speedup{ending}"] = None if found == UNCLEAR else ratio
            data[f"verdict{ending}"] = found
    return data


def _ms(latency: Latency) -> str:
    return f"{latency.median * 1e3:.2f} ms"


def in_bytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def performed_lines(performed: Performed | None) -> list[str]:
    """What `evaluation.performance` asked for: a line for each model."""
    if performed is None:
        return []
    count, cores = performed.instances, performed.cores
    several = f"{count} instance{'s' * (count != 1)}"
    bound = f" of {cores} core{'s' * (cores != 1)}" if cores else ""
    head = (
        f"{several}{bound}, batches of {performed.batch}: ms per batch at 50, 90 and "
        "99 %, samples per second (at the quartiles), peak memory, file"
    )
    base = performed.models[FP32]
    lines = [
        f"{NAMES.get(name, name):<13} {_performed(each, base)}"
        for name, each in performed.models.items()
    ]
    return [head, *lines, *performed.notes]


def _performed(found: Speed, base: Speed) -> str:
    times = "  ".join(f"{1e3 * each:.3f}" for each in found.latency)
    sizes = "  ".join(
        "-" if each is None else in_bytes(each)
        for each in (found.peak_bytes, found.file_bytes)
    )
    mean, *ends = (
        f"{each:.1f}" for each in (found.throughput, *found.throughput_noise)
    )
    noise = "" if set(ends) == {mean} else f" ({' to '.join(ends)})"
    rate = f"{mean}/s{noise}"
    line = f"{times}  {rate}  {sizes}"
    if found is base:
        return line
    if wide(*found.noise) or wide(*base.noise):
        return f"{line}  ({UNCLEAR})"
    ratio = base.latency[0] / found.latency[0] if found.latency[0] else 1.0
    least, most = found.throughput_noise
    apart = least > base.throughput_noise[1] or most < base.throughput_noise[0]
    return f"{line}  ({ratio:.2f}x{'' if apart else ', within noise'})"
