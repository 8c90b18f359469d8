"""Several numbers judged at once: their criteria as one, early verdicts, in words."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import Toy

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.evaluation.baseline import Baseline
from narrowcast.runtime.evaluation.criterion import (
    Criterion,
    Stated,
    StatedDecibels,
    criterion_of,
    together,
)
from narrowcast.runtime.evaluation.drift.demanded import Drift
from narrowcast.runtime.evaluation.drift.reference import Compared
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    evaluate,
    evaluation,
    evaluation_data,
)
from narrowcast.runtime.evaluation.judging.digits import apart, told
from narrowcast.runtime.evaluation.judging.doubts import doubts
from narrowcast.runtime.evaluation.judging.joint import (
    Jointly,
    against,
    asked,
    needs_reference,
)
from narrowcast.runtime.evaluation.judging.relative import meant, meant_criterion
from narrowcast.runtime.evaluation.judging.verdict import (
    reached,
    verdict_data,
    verdict_of,
    verdicts,
)
from narrowcast.runtime.evaluation.metrics.given import given as given_metric
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.part import SHARE, Part
from narrowcast.runtime.evaluation.metrics.several import Several, Weighted
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.evaluation.sequential import paired_watch, settled

NUMBER = st.floats(-1e6, 1e6)
CRITERION = st.one_of(
    st.builds(Criterion, absolute=st.floats(0, 10), higher_is_better=st.booleans()),
    st.builds(Criterion, relative=st.floats(0, 0.5), higher_is_better=st.booleans()),
    st.builds(Stated, at_worst=NUMBER, higher_is_better=st.booleans()),
    st.builds(StatedDecibels, at_worst=st.floats(0, 100)),
)


@given(CRITERION, NUMBER, st.one_of(NUMBER, st.sampled_from([math.nan, math.inf])))
def test_a_share_is_at_most_1_exactly_where_the_criterion_holds(
    criterion: Criterion, baseline: float, value: float
) -> None:
    assert (criterion.share(baseline, value) <= 1) == criterion.holds(baseline, value)
    bound = criterion.bound(baseline)
    assert criterion.holds(baseline, bound) and criterion.share(baseline, bound) <= 1


def test_decibels_are_a_share_of_noise() -> None:
    criterion = StatedDecibels(at_worst=30)
    assert criterion.share(300, 40) == pytest.approx(0.1)
    assert criterion.share(300, 27) == pytest.approx(10**0.3)


def test_a_criterion_is_the_same_as_plain_data() -> None:
    whole = together((Criterion(relative=0.1), Stated(at_worst=3.0)))
    data = {"parts": [{"relative": 0.1, "higher_is_better": True}, {}]}
    data["parts"][1] = {"at_worst": 3, "higher_is_better": True}
    assert criterion_of(data) == whole


# Evaluations

SAMPLES = 400


def batches(size: int = 20) -> Any:
    random.seed(0)
    logits = np.random.default_rng(0).standard_normal((SAMPLES, 5)).astype(np.float32)

    def read() -> Any:
        for at in range(0, SAMPLES, size):
            yield (logits[at : at + size],), logits[at : at + size].argmax(1)

    return read


def fp32(inputs: Any) -> Any:
    return (inputs[0],)


def rounded_to(step: float) -> Any:
    return lambda inputs: ((np.round(inputs[0] / step) * step).astype(np.float32),)


def judged(
    folder: Path,
    metric: Any,
    criterion: Any,
    drift: Drift | None,
    predict: Any,
    rate: float = 0.0,
) -> tuple[Evaluation, Evaluation, Any]:
    """The model as loaded, another, and what is demanded."""
    made = asked(metric, criterion, drift)
    kept = Compared(batches(), folder, records=True)
    before = evaluate(fp32, kept, made)
    whole = meant_criterion(made, criterion, Baseline(before), lambda text: None)
    compared = Compared(batches(), folder)
    watch = paired_watch(before, whole, rate)
    after = evaluate(predict, compared, against(made, whole, before), watch=watch)
    return before, settled(after, before, whole), whole


BOTH = (Criterion(absolute=0.1), Criterion(absolute=0.01, higher_is_better=False))


def several() -> Several:
    return Several(TopK(), MSE(compare_label=False))


@pytest.mark.parametrize("step", [0.1, 0.3, 0.5, 2.0])
def test_the_number_is_the_largest_share(tmp_path: Path, step: float) -> None:
    drift = Drift(agreement=0.95, sqnr=20, largest_error=0.2)
    before, after, whole = judged(tmp_path, several, BOTH, drift, rounded_to(step))
    assert [each.metric for each in after.parts] == [
        *("top-1", "MSE to fp32", "agreement", "SQNR", "largest error")
    ]
    assert before.value == 0
    assert before.parts[0].value == 1 and before.parts[1].value == 0
    said = verdicts(whole, before, after)
    assert whole.holds(before.value, after.value) == all(e.holds for e in said)
    shares = [e.criterion.share(e.fp32, e.result) for e in said]
    assert after.value == max(shares)
    assert [verdict_of(verdict_data(each)).line() for each in said] == [
        each.line() for each in said
    ]


@pytest.mark.parametrize("step", [0.01, 0.3, 3.0])
def test_early_verdicts_are_those_of_all_data(tmp_path: Path, step: float) -> None:
    drift, criterion = Drift(agreement=0.9), Criterion(absolute=0.1)
    found = [
        judged(tmp_path, TopK, criterion, drift, rounded_to(step), rate)
        for rate in (0.0, 0.05)
    ]
    (before, whole, demanded), (_, early, _) = found
    assert not early.full or step == 0.3
    assert demanded.holds(before.value, early.value) == demanded.holds(
        before.value, whole.value
    )


def test_one_failure_that_nothing_mends_ends_an_evaluation(tmp_path: Path) -> None:
    drift = Drift(largest_error=0.01, sqnr=1)
    before, early, whole = judged(tmp_path, None, BOTH[0], drift, rounded_to(1.0), 0.05)
    assert not early.full and early.samples == 20
    assert not whole.holds(before.value, early.value)


def test_an_evaluation_of_several_is_the_same_as_plain_data(tmp_path: Path) -> None:
    before, after, _ = judged(tmp_path, several, BOTH, None, rounded_to(0.1))
    for found in (before, after):
        again = evaluation(json.loads(json.dumps(evaluation_data(found))))
        assert again == found
        for one, other in zip(again.parts, found.parts, strict=True):
            np.testing.assert_array_equal(one.scores, other.scores)
            assert one.bounds == other.bounds


def test_a_mean_of_products_is_one_number(tmp_path: Path) -> None:
    def made() -> Weighted:
        return Weighted((TopK(), TopK(2)), (0.5, 1.5))

    before, after, whole = judged(tmp_path, made, BOTH[0], None, rounded_to(1.0))
    values = [part.value for part in after.parts]
    assert before.value == 1
    assert after.value == pytest.approx((0.5 * values[0] + 1.5 * values[1]) / 2)
    (verdict,) = verdicts(whole, before, after)
    assert verdict.line().startswith("mean of top-1 x 0.5, top-2 x 1.5 1.0000 -> ")


def test_decibels_and_digits_that_tell_a_number_from_its_bound() -> None:
    criteria = StatedDecibels(at_worst=30.0), Stated(at_worst=0.99999)
    parts = [
        (Part("SQNR of a", decibels), Part("cosine", 0.999992))
        for decibels in (300.0, 41.5)
    ]
    before, after = (
        Evaluation(SHARE, 0.0, 9, True, parts=each) for each in reversed(parts)
    )
    said = reached(together(criteria), before, after)
    assert said == "SQNR of a no difference, cosine 0.999992"
    assert told(before) == "SQNR of a 41.5000 dB, cosine 1.0000"
    (line, _cosine) = (e.line() for e in verdicts(together(criteria), after, before))
    assert line == "SQNR of a 41.5000 dB  (at least 30.0000 dB: criterion holds)"


class Users:
    """A metric of the user's, as Neural Compressor lets it say what it compares with."""

    compare_label = False

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def update(self, predictions: Any, labels: Any) -> None:
        self.seen.append(np.abs(predictions - labels).max())

    def reset(self) -> None:
        self.seen = []

    def result(self) -> float:
        return float(max(self.seen))


@pytest.mark.parametrize("metric", [Users, given_metric(Users)])
def test_a_users_metric_may_compare_with_fp32(tmp_path: Path, metric: Any) -> None:
    criterion = Criterion(absolute=0.1, higher_is_better=False)
    assert needs_reference(metric())
    before, after, _ = judged(tmp_path, metric, criterion, None, rounded_to(0.1))
    assert before.value == 0
    assert 0.04 < after.value < 0.06


# What a relative criterion means


def number(value: float, name: str = "MSE") -> Evaluation:
    return Evaluation(name, value, 10, True)


def test_of_fp32s_own_outputs_a_share_is_of_what_zeros_lose() -> None:
    criterion = Criterion(relative=0.01, higher_is_better=False)
    found = meant(criterion, number(0.0), 4.0, of_fp32=True)
    assert found.bound(0.0) == 0.04


@pytest.mark.parametrize("value", [0.0, 1e-12])
def test_a_share_of_next_to_nothing_is_refused(value: float) -> None:
    criterion = Criterion(relative=0.01, higher_is_better=False)
    with pytest.raises(UsageError) as caught:
        meant(criterion, number(value), 4.0, of_fp32=False)
    assert f"1% of MSE {value or '0.0000'}" in str(caught.value.message)
    assert "accuracy_criterion.absolute: 0.04 is that share" in caught.value.remedy


@pytest.mark.parametrize(
    ("criterion", "value"),
    [
        (Criterion(relative=0.0, higher_is_better=False), 0.0),
        (Criterion(absolute=0.0, higher_is_better=False), 0.0),
        (Criterion(relative=0.01), 0.0),
        (Criterion(relative=0.01, higher_is_better=False), 1e-4),
    ],
)
def test_other_criteria_are_as_they_are(criterion: Criterion, value: float) -> None:
    assert meant(criterion, number(value), 4.0, of_fp32=False) is criterion


# In words


@given(st.lists(NUMBER, min_size=1, max_size=3))
def test_numbers_that_differ_look_different(values: Sequence[float]) -> None:
    told = apart(*values)
    for one, other, a, b in zip(values, values[1:], told, told[1:], strict=False):
        assert (a == b) <= (one == other)
        assert one >= other or float(a) <= float(b)


def test_what_a_summary_says_of_small_numbers_and_single_samples() -> None:
    scores = np.array([1.0] * 99 + [0.0])
    before = replace(number(0.99, "top-1"), scores=scores, bounds=(0.0, 1.0))
    (verdict,) = verdicts(Criterion(absolute=0.02), before, number(0.98, "top-1"))
    assert verdict.line() == (
        "top-1 0.9900 -> 0.9800  (at least 0.9700: criterion holds; one sample is 0.01)"
    )
    small = Criterion(relative=0.01, higher_is_better=False)
    (verdict,) = verdicts(small, number(1.23456e-5), number(1.23457e-5))
    assert verdict.line() == (
        "MSE 1.23456e-05 -> 1.23457e-05  (at most 1.247e-05: criterion holds)"
    )


def test_each_number_has_its_own_doubts(tmp_path: Path) -> None:
    made = Jointly(TopK, (Criterion(absolute=0.001),), Drift(agreement=0.9999))
    found = evaluate(fp32, Compared(batches(), tmp_path, records=True), made)
    said = list(doubts(made.criterion(found.parts), Baseline(found)))
    assert len(said) == 2
    assert "below the step of top-1, 0.0025 for one of 400 samples" in said[0]
    assert "below the step of agreement" in said[1]
    noisy = Baseline(found, again=2.0)
    assert (
        "below the model's own noise of 2.0000 of that"
        in [*doubts(made.criterion(found.parts), noisy)][-1]
    )


@pytest.mark.few(1)
@pytest.mark.parametrize("metric", ["several", "weighted"])
def test_a_whole_run(tmp_path: Path, metric: str) -> None:
    done = Toy(tmp_path).run(METRIC=metric, TOLERANCE="0.5")
    assert done.code == 0, done.err
    lines = [line for line in done.out.splitlines() if "  accuracy   " in line]
    assert all("criterion holds" in line for line in lines)
    assert len(lines) == 1 + (metric == "several")
