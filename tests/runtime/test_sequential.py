"""Ending a trial early: verdicts replayed against full passes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation, evaluate, to_the_end
from narrowcast.runtime.evaluation.metrics.mse import MSE
from narrowcast.runtime.evaluation.metrics.topk import TopK
from narrowcast.runtime.evaluation.sequential import paired_watch, settled

Scores = npt.NDArray[np.float64]
SHARES, ERRORS = (0.0, 1.0), (0.0, math.inf)


def scored(scores: Scores, bounds: tuple[float, float] | None = SHARES) -> Evaluation:
    value = float(scores.mean())
    return Evaluation("top-1", value, len(scores), True, scores, bounds)


def watched(
    expected: Scores,
    found: Scores,
    criterion: Criterion,
    error_rate: float = 0.05,
    batch: int = 50,
    bounds: tuple[float, float] = SHARES,
) -> Evaluation:
    """What an evaluation in batches gives, the watch looking on."""
    baseline = scored(expected, bounds)
    watch = paired_watch(baseline, criterion, error_rate)
    for stop in range(batch, len(found) + batch, batch):
        seen = found[:stop]
        if watch(seen):
            value = float(seen.mean())
            early = Evaluation("top-1", value, stop, True, seen, bounds, full=False)
            return settled(early, baseline)
    return settled(scored(found, bounds), baseline)


def flipped(
    samples: int, lost: float, gained: float, seed: int
) -> tuple[Scores, Scores]:
    """Scores of a baseline that is right on 85 %, and of a candidate, shuffled."""
    random = np.random.default_rng(seed)
    baseline = (np.arange(samples) < 0.85 * samples).astype(float)
    found = baseline.copy()
    found[: round(lost * samples)] = 0
    found[samples - round(gained * samples) :] = 1
    order = random.permutation(samples)
    return baseline[order], found[order]


# What it saves


@pytest.mark.parametrize(
    ("samples", "lost", "gained", "allowed", "share"),
    [
        (10_000, 0.01, 0.01, 0.01, 0.25),  # nothing lost
        (2_000, 0.01, 0.01, 0.01, 0.7),
        (10_000, 0.02, 0.0, 0.01, 0.25),  # twice what is allowed
        (10_000, 0.05, 0.0, 0.01, 0.05),
        (2_000, 0.05, 0.0, 0.01, 0.2),
        (10_000, 0.3, 0.0, 0.01, 0.02),  # hopeless
        (2_000, 0.03, 0.0, 0.001, 0.3),
        (10_000, 0.03, 0.0, 0.001, 0.1),
    ],
)
def test_clear_candidates_take_few_samples(
    samples: int, lost: float, gained: float, allowed: float, share: float
) -> None:
    seen = [
        watched(*flipped(samples, lost, gained, seed), Criterion(absolute=allowed))
        for seed in range(20)
    ]
    assert np.mean([each.samples for each in seen]) <= share * samples


def test_a_hopeless_candidate_of_an_unbounded_metric_takes_few_samples() -> None:
    random = np.random.default_rng(0)
    baseline = random.uniform(0, 0.1, 5_000)
    criterion = Criterion(relative=0.01, higher_is_better=False)
    found = watched(
        baseline, baseline + random.uniform(0, 3, 5_000), criterion, bounds=ERRORS
    )
    assert found.samples < 250
    assert not criterion.holds(float(baseline.mean()), found.value)


# What can't be changed any more


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, 24, elements=st.sampled_from([0.0, 0.1, 0.3, 1.0])),
    arrays.arrays(np.float64, 24, elements=st.sampled_from([0.0, 0.1, 0.3, 1.0])),
    st.sampled_from([0.0, 0.05, 0.1, 1 / 3, 0.5]),
    st.booleans(),
    st.integers(1, 24),
)
def test_it_ends_where_no_sample_to_come_changes_the_verdict(
    expected: Scores, found: Scores, allowed: float, higher: bool, batch: int
) -> None:
    """To the last bit, as the metric itself would sum what the samples come to."""
    criterion = Criterion(absolute=allowed, higher_is_better=higher)
    watch = paired_watch(scored(expected), criterion, 1e-300)  # no bet is ever won
    for stop in range(batch, len(found), batch):
        ends = []
        for bound in SHARES:
            whole = found.copy()
            whole[stop:] = bound
            ends.append(criterion.holds(float(expected.mean()), float(whole.mean())))
        clear = ends[0] is ends[1]
        assert watch(found[:stop]) is clear
        if clear:
            break


# What it may get wrong


@pytest.mark.parametrize("error_rate", [0.05, 0.2])
@pytest.mark.parametrize("higher", [True, False])
@pytest.mark.parametrize(
    ("lost", "gained"),
    [(0.02, 0.0101), (0.02, 0.0099), (0.0125, 0.0), (0.008, 0.0), (0.03, 0.02)],
)
def test_verdicts_are_wrong_no_more_often_than_allowed(
    lost: float, gained: float, higher: bool, error_rate: float
) -> None:
    criterion = Criterion(absolute=0.01, higher_is_better=higher)
    wrong, runs = 0, 150
    for seed in range(runs):
        baseline, found = flipped(1_000, lost, gained, seed)
        if not higher:
            baseline, found = 1 - baseline, 1 - found
        early = watched(baseline, found, criterion, error_rate)
        value = float(baseline.mean())
        wrong += criterion.holds(value, early.value) != criterion.holds(
            value, float(found.mean())
        )
    spread = 3 * math.sqrt(error_rate * (1 - error_rate) / runs)
    assert wrong / runs <= error_rate + spread


def test_sorted_data_can_be_judged_wrongly() -> None:
    """The assumption that the docstring states; the finish evaluates in full."""
    baseline, found = np.ones(2_000), np.ones(2_000)
    found[-100:] = 0
    criterion = Criterion(absolute=0.01)
    early = watched(baseline, found, criterion)
    assert not early.full
    assert criterion.holds(1.0, early.value)
    assert not criterion.holds(1.0, float(found.mean()))


# What can't go wrong

ALLOWED = st.sampled_from([0.0, 0.001, 0.1, 0.25, 0.5, 1.0])
BITS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        *[arrays.arrays(np.float64, n, elements=st.sampled_from([0.0, 1.0]))] * 2
    )
)
REALS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*[arrays.arrays(np.float64, n, elements=st.floats(0, 1))] * 2)
)


@settings(max_examples=300)
@given(
    BITS | REALS,
    ALLOWED,
    st.booleans(),
    st.booleans(),
    st.integers(1, 7),
    st.sampled_from([SHARES, ERRORS]),
)
def test_what_the_rest_cannot_change_is_judged_exactly(
    pair: tuple[Scores, Scores],
    allowed: float,
    relative: bool,
    higher: bool,
    batch: int,
    bounds: tuple[float, float],
) -> None:
    """With an error rate of next to nothing, only exact stops are left."""
    kind: dict[str, Any] = {"relative" if relative else "absolute": allowed}
    criterion = Criterion(**kind, higher_is_better=higher)
    baseline, found = pair
    early = watched(baseline, found, criterion, 1e-300, batch, bounds)
    value = float(baseline.mean())
    assert criterion.holds(value, early.value) == criterion.holds(
        value, float(found.mean())
    )


@given(BITS, ALLOWED, st.integers(1, 7))
def test_it_ends_no_later_than_the_rest_can_change_nothing(
    pair: tuple[Scores, Scores], allowed: float, batch: int
) -> None:
    criterion = Criterion(absolute=allowed)
    baseline, found = pair
    early = watched(baseline, found, criterion, batch=batch)
    for stop in range(batch, len(found), batch):
        ends = [
            criterion.holds(
                float(baseline.mean()),
                float(np.append(found[:stop], np.full(len(found) - stop, rest)).mean()),
            )
            for rest in SHARES
        ]
        if ends[0] == ends[1]:
            assert early.samples <= stop
            assert criterion.holds(float(baseline.mean()), early.value) == ends[0]
            return


@given(BITS | REALS, ALLOWED, st.booleans(), st.integers(1, 7))
def test_the_value_is_within_reach(
    pair: tuple[Scores, Scores], allowed: float, higher: bool, batch: int
) -> None:
    baseline, found = pair
    criterion = Criterion(absolute=allowed, higher_is_better=higher)
    early = watched(baseline, found, criterion, batch=batch)
    seen = len(early.scores) if early.scores is not None else 0
    rest = len(found) - seen
    least = float(np.append(found[:seen], np.zeros(rest)).mean())
    most = float(np.append(found[:seen], np.ones(rest)).mean())
    assert least <= early.value <= most


@pytest.mark.parametrize("allowed", [0.0, 0.1])
@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_candidate_that_changes_nothing_passes(allowed: float, right: float) -> None:
    same = np.full(5_000, right)
    found = watched(same, same, Criterion(absolute=allowed))
    assert Criterion(absolute=allowed).holds(right, found.value)
    assert found.full is (allowed == 0 and right == 1)


@pytest.mark.parametrize("found", [0.0, 1.0])
def test_one_sample_is_a_whole_evaluation(found: float) -> None:
    result = watched(np.ones(1), np.full(1, found), Criterion(absolute=0.0), batch=1)
    assert (result.full, result.value) == (True, found)


def test_with_no_tolerance_the_first_loss_of_a_perfect_model_decides() -> None:
    found = np.ones(5_000)
    found[120] = 0
    result = watched(np.ones(5_000), found, Criterion(absolute=0.0))
    assert result.samples == 150
    assert not Criterion(absolute=0.0).holds(1.0, result.value)


# Where it is off


@pytest.mark.parametrize(
    ("baseline", "error_rate"),
    [
        (scored(np.ones(9)), 0.0),
        (scored(np.ones(9), None), 0.05),
        (Evaluation("mAP", 0.5, 9, True), 0.05),
        (scored(np.full(9, 2.0)), 0.05),  # beyond the bounds that the metric states
        (scored(np.full(9, math.nan)), 0.05),
    ],
)
def test_an_evaluation_sees_all_data(baseline: Evaluation, error_rate: float) -> None:
    assert paired_watch(baseline, Criterion(absolute=0.0), error_rate) is to_the_end


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1.5])
def test_scores_beyond_the_bounds_decide_nothing(bad: float) -> None:
    watch = paired_watch(scored(np.ones(900)), Criterion(absolute=0.0), 0.05)
    assert not watch(np.full(300, bad))


def test_a_full_evaluation_is_settled_as_it_is() -> None:
    full = scored(np.full(9, 0.3))
    assert settled(full, scored(np.ones(9))) is full


# In an evaluation


def test_an_evaluation_ends_where_the_watch_says() -> None:
    labels = np.zeros(1_000, np.int64)
    batches = lambda: (((each,), each) for each in np.split(labels, 10))  # noqa: E731
    right, wrong = np.eye(3)[0], np.eye(3)[1]
    baseline = evaluate(lambda i: (np.tile(right, (len(i[0]), 1)),), batches, TopK)
    watch = paired_watch(baseline, Criterion(relative=0.01), 0.05)
    found = evaluate(
        lambda i: (np.tile(wrong, (len(i[0]), 1)),), batches, TopK, watch=watch
    )
    assert (baseline.full, found.full, found.samples) == (True, False, 100)
    assert baseline.bounds == (0.0, 1.0)


@pytest.mark.parametrize("watch", [to_the_end, None])
def test_outputs_that_are_not_finite_end_a_watched_evaluation(watch: Any) -> None:
    def batches() -> Any:
        for bad in (0.0, math.nan, 0.0):
            each = np.full((2, 2), bad, np.float32)
            yield (each,), each

    found = evaluate(lambda inputs: inputs, batches, MSE, watch=watch)
    assert not found.finite
    assert (found.samples, found.full) == ((4, False) if watch else (6, True))
