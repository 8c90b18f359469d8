"""Speed is told against fp32 as loaded and as prepared, and against a list's placement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.common.timing import Latency, verdict
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.report.comparison import RuleBased
from narrowcast.runtime.report.speed import rules_line, speed_data, speed_lines

CRITERION = Criterion(absolute=0.01)
RULES = RuleBased(flops_low=900)


def at(milliseconds: float, noise: float = 0.0) -> Latency:
    median, around = milliseconds / 1e3, noise / 1e3
    return Latency(median, median - around, median + around, 50)


@st.composite
def latencies(draw: st.DrawFn) -> Latency:
    low, median, high = sorted(draw(st.floats(1e-6, 10)) for _ in range(3))
    return Latency(median, low, high, 7)


TIMED = st.fixed_dictionaries(
    {name: latencies() for name in ("fp32", "prepared", "rules", "result", "compiled")}
)


@given(TIMED, st.sampled_from(["result", "compiled"]))
def test_slower_and_noise_are_never_unsaid(
    latency: Mapping[str, Latency], what: str
) -> None:
    loaded, prepared = speed_lines(latency, what)
    found = verdict(latency["fp32"], latency[what])
    assert ("SLOWER than fp32:" in loaded) == (found == "slower")
    assert ("within noise" in loaded) == (found == "within noise")
    assert ("too noisy to tell" in loaded) == (found == "too noisy to tell")
    assert ("x" in loaded) == (found != "too noisy to tell")
    held = prepared.rsplit("against prepared fp32", 1)[-1]
    found = verdict(latency["prepared"], latency[what])
    if latency["prepared"] != latency[what]:
        assert ("SLOWER than prepared fp32:" in held) == (found == "slower")
        assert ("within noise" in held) == (found == "within noise")
    data = speed_data(latency, what)
    assert data["verdict_prepared"] == found
    assert (data["speedup_prepared"] is None) == (found == "too noisy to tell")


@pytest.mark.parametrize(
    ("prepared", "result", "said"),
    [
        (
            at(8),
            at(4),
            "of which 1.25x comes from preparing the graph; "
            "against prepared fp32, 8.00 ms: 2.00x as fast",
        ),
        (
            at(4),
            at(5),
            "of which 2.50x comes from preparing the graph; "
            "against prepared fp32, 4.00 ms: SLOWER than prepared fp32: 0.80x as fast",
        ),
        (
            at(16),
            at(8),
            "preparing the graph alone makes it slower: 0.62x; "
            "against prepared fp32, 16.00 ms: 2.00x as fast",
        ),
        (
            at(10, 1),
            at(9, 1.5),
            "preparing the graph alone gives 1.00x, within noise; "
            "against prepared fp32, 10.00 ms: 1.11x, within noise",
        ),
        (
            at(10),
            at(60, 40),
            "preparing the graph alone gives 1.00x, within noise; "
            "against prepared fp32, 10.00 ms: too noisy to tell: "
            "quartiles 10.00 to 10.00 ms, then 20.00 to 100.00 ms",
        ),
        (
            at(60, 40),
            at(5),
            "what preparing the graph gives is too noisy to tell; "
            "against prepared fp32, 60.00 ms: too noisy to tell: "
            "quartiles 20.00 to 100.00 ms, then 5.00 to 5.00 ms",
        ),
        (at(8), at(8), "nothing is in 16 bits: the result is prepared fp32 itself"),
    ],
)
def test_what_preparing_gains_is_told_apart(
    prepared: Latency, result: Latency, said: str
) -> None:
    latency = {"fp32": at(10), "prepared": prepared, "result": result}
    assert speed_lines(latency, "result")[1] == said


@pytest.mark.parametrize(
    ("rules", "milliseconds", "said"),
    [
        (
            RULES,
            8,
            "90.0% of FLOPs low, 8.00 ms, accuracy not checked; "
            "the result is 2.00x as fast",
        ),
        (
            RULES,
            2,
            "90.0% of FLOPs low, 2.00 ms, accuracy not checked; "
            "the result is SLOWER than that: 0.50x as fast",
        ),
        (
            replace(RULES, evaluation=Evaluation("top-1", 0.8, 500, True)),
            4,
            "90.0% of FLOPs low, 4.00 ms, top-1 0.8000: MISSES the criterion; "
            "as fast as the result, within noise",
        ),
        (
            replace(RULES, evaluation=Evaluation("top-1", 0.899, 500, True)),
            4,
            "90.0% of FLOPs low, 4.00 ms, top-1 0.8990: criterion holds; "
            "as fast as the result, within noise",
        ),
        (
            replace(RULES, evaluation=Evaluation("top-1", 0.899, 500, False)),
            4,
            "90.0% of FLOPs low, 4.00 ms, top-1 0.8990: MISSES the criterion; "
            "as fast as the result, within noise",
        ),
        (replace(RULES, same="result"), 4, "the same placement"),
        (replace(RULES, same="prepared"), 4, "nothing low: prepared fp32"),
        (
            replace(RULES, aside="the model is large"),
            None,
            "90.0% of FLOPs low, not timed: the model is large",
        ),
    ],
)
def test_the_rule_based_placement_has_its_line(
    rules: RuleBased, milliseconds: float | None, said: str
) -> None:
    latency = {"fp32": at(10), "result": at(4)}
    if milliseconds is not None:
        latency["rules"] = at(milliseconds)
    line = rules_line(latency, rules, 1000, CRITERION, 0.9)
    assert line == f"by op types alone: {said}"
