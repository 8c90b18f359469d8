"""Which of several conversions is kept, and which plan is delivered where all fail."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.judgement import Judgement, Package
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.run.converted import Converted, better, closest
from narrowcast.runtime.search import Found
from narrowcast.runtime.search.found import Plan

BASELINE = Evaluation("top-1", 0.9, 500, True)


def judged(value: float, finite: bool = True) -> Judgement:
    found = Evaluation("top-1", value, 500, finite)
    return Judgement(Criterion(absolute=0.01), BASELINE, found)


def made(low: Precision, value: float, rank: float = 0.0, **fields: Any) -> Converted:
    plan = Plan(low, {}, {}, "low_compute", 1, rank=(rank, 9.0))
    saved = Path(f"net.{low}.pt2")
    conversion: Any = SimpleNamespace(timed_here=False)
    return Converted(conversion, Found((plan,)), plan, saved, judged(value), **fields)


BF16, FP16 = Precision.BF16, Precision.FP16


@pytest.mark.parametrize(
    ("bf16", "fp16", "kept"),
    [
        ((0.9, 0.0), (0.9, 5.0), BF16),
        ((0.9, 5.0), (0.895, 0.0), FP16),
        ((0.895, 1.0), (0.9, 1.0), FP16),
        ((0.9, 1.0), (0.9, 1.0), BF16),
        ((0.5, 0.0), (0.895, 9.0), FP16),
        ((0.8, 9.0), (0.7, 0.0), BF16),
        ((math.nan, 0.0), (0.1, 9.0), FP16),
    ],
)
def test_the_better_holds_has_the_objective_and_loses_less(
    bf16: tuple[float, float], fp16: tuple[float, float], kept: Precision
) -> None:
    assert better([made(BF16, *bf16), made(FP16, *fp16)]).plan.low is kept


def test_where_all_plans_fail_as_saved_the_closest_is_delivered() -> None:
    tried = [made(BF16, value) for value in (0.7, 0.85, 0.2)]
    assert closest(tried) is tried[1]
    infinite = replace(tried[1], judgement=judged(0.89, finite=False))
    assert closest([infinite, tried[2]]) is tried[2]


def test_one_that_holds_is_delivered() -> None:
    tried = [made(BF16, 0.7), made(BF16, 0.891)]
    assert closest(tried) is tried[1]


def test_a_package_counts_as_the_model_does() -> None:
    bad = made(BF16, 0.9, package=Package(Path("net.so"), judged(0.6)))
    poor = made(BF16, 0.8)
    assert not bad.holds
    assert closest([bad, poor]) is poor
