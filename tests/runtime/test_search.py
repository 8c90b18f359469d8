"""The search's rules: what it tries in which order, when it stops, what it returns."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from narrowcast.runtime.common.errors import (
    DataError,
    MetricError,
    ModelError,
    UsageError,
)
from narrowcast.runtime.common.telling.progress import Terminal, Verbose
from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation, Watch
from narrowcast.runtime.frameworks.protocol import Probe, Statistics, Timings
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Placement,
    Precision,
    Slot,
    Tensor,
    casts,
)
from narrowcast.runtime.graph.pins import Pins, Why
from narrowcast.runtime.placement import Objective, latency, low_compute
from narrowcast.runtime.search import Budget, Found, everything_low, search
from narrowcast.runtime.search.sensitivity.estimate import Method

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))

quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Additive:
    """A model whose loss is the sum of what its low ops and its casts add to it.

    Attributes:
        harm: Op id → what it adds when it is low; 0 for movers.
        cast_harm: What each cast to bf16 adds.
        told: What the sketch says of each op; the truth unless told otherwise.
        blind: Whether nothing is differentiated, and groups are measured.
    """

    graph: Graph
    harm: Mapping[str, float]
    cast_harm: float = 0.0
    told: Mapping[str, float] = field(default_factory=dict)
    blind: bool = False
    switches: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def probes(self) -> dict[str, Probe]:
        kernels = {op.id: op.kernel(BF16) for op in self.graph.ops if self._could(op)}
        return {
            name: Probe(kernel.output, 0.01) if kernel else Probe(None, 0, "not there")
            for name, kernel in kernels.items()
        }

    def _could(self, op: Op) -> bool:
        return op.kind is not Kind.FIXED

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        return {}

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        return math.hypot(*(self._told(name) for name in ops))

    def sketch(
        self, precision: Precision, ops: Iterable[str], **options: Any
    ) -> Mapping[str, float]:
        return {} if self.blind else {name: self._told(name) ** 2 for name in ops}

    def _told(self, name: str) -> float:
        return self.told.get(name, self.harm[name])

    def loss(self, placement: Placement) -> float:
        low = [name for name, precision in placement.items() if precision is BF16]
        rounded = [c for c in casts(self.graph, placement) if c.target is BF16]
        return math.fsum(self.harm[name] for name in low) + self.cast_harm * len(
            rounded
        )

    def apply(self, placement: Placement) -> Placement:
        return placement

    def time(self, *unused: Any) -> Timings:
        raise AssertionError("the search times nothing")

    def time_whole(self, *unused: Any) -> dict[str, Latency]:
        raise AssertionError("the search times nothing")

    def save(self, model: Any, path: Path) -> Path:
        raise AssertionError("the search saves nothing")


@dataclass
class Evaluator:
    """Scores placements and remembers them; `then` may change what comes out."""

    traced: Additive
    then: Callable[[int, Evaluation], Evaluation] = lambda number, found: found
    seen: list[Placement] = field(default_factory=list)

    def __call__(self, placement: Placement, watch: Watch) -> Evaluation:
        self.seen.append(placement)
        found = Evaluation("loss", self.traced.loss(placement), 10, True)
        return self.then(len(self.seen), found)

    def sizes(self) -> list[int]:
        """How many ops were fp32, trial by trial."""
        return [sum(p is FP32 for p in placement.values()) for placement in self.seen]


def run(
    traced: Additive,
    evaluate: Evaluator,
    tolerance: float,
    *,
    objective: Objective = low_compute,
    pins: Pins | None = None,
    clock: Callable[[], float] = lambda: 0.0,
    progress: Terminal | None = None,
    **budget: Any,
) -> Found:
    return search(
        traced,
        evaluate,
        low=BF16,
        objective=objective,
        pins=pins or Pins(),
        criterion=Criterion(absolute=tolerance, higher_is_better=False),
        baseline=Evaluation("loss", 0.0, 10, True),
        budget=Budget(**budget),
        progress=progress or Terminal(io.StringIO()),
        clock=clock,
    )


def row(harms: Sequence[float], **fields: Any) -> Additive:
    """Ops a, b, c, …, one after the other, each with its harm."""
    names = [chr(ord("a") + k) for k in range(len(harms))]
    values = ["x", *names]
    ops = tuple(
        Op(
            name,
            "linear",
            Kind.COMPUTE,
            (Slot(before),),
            (name,),
            flops=1,
            kernels=BOTH,
        )
        for before, name in itertools.pairwise(values)
    )
    tensors = {name: Tensor(name, "float32", (4,)) for name in values}
    graph = Graph(ops, tensors, ("x",), (names[-1],), **fields)
    return Additive(graph, dict(zip(names, harms, strict=True)))


def fp32_ops(placement: Placement) -> str:
    return "".join(sorted(name for name, p in placement.items() if p is FP32))


TWENTY = row([2.0**-k for k in range(20)])
SIX = 0.04
"""Between the harm of TWENTY without its first six ops and without its first five."""


# Steps


def test_prefixes_are_probed_geometrically_then_halved_and_what_passes_shrunk() -> None:
    evaluate = Evaluator(TWENTY)
    found = run(TWENTY, evaluate, SIX)
    assert evaluate.sizes() == [0, 4, 12, 8, 6, 5, 5]
    assert fp32_ops(found.plans[0].placement) == "abcdef"


@pytest.mark.parametrize(("timeout", "left"), [(None, "30 s"), (25.0, "25 s")])
def test_while_it_works_the_search_says_what_passed_and_what_it_may_take(
    timeout: float | None, left: str
) -> None:
    said = io.StringIO()
    run(
        row([1, 50, 3, 40]),
        Evaluator(row([1, 50, 3, 40])),
        tolerance=4,
        clock=lambda: 10.0 * said.getvalue().count("s\n"),  # "passes", "fails"
        progress=Verbose(said),
        max_trials=4,
        timeout=timeout,
    )
    begun = [
        line
        for line in said.getvalue().splitlines()
        if "trial" in line and "..." in line
    ]
    assert begun[0] == "  trial 1    100.0% of FLOPs in bf16 ..."
    assert begun[1] == f"  trial 2    50.0% of FLOPs in bf16, at most {left} left ..."
    assert ", best so far 50.0% in trial 2, at most " in begun[2]


def test_ops_are_pinned_by_the_error_that_each_alone_causes() -> None:
    traced = row([1, 50, 3, 40])
    evaluate = Evaluator(traced)
    found = run(traced, evaluate, tolerance=4)
    assert list(map(fp32_ops, evaluate.seen)) == ["", "bd", "b", "d"]
    assert found.plans[0].reasons["b"].number == 50
    assert found.plans[0].reasons["b"].why is Why.ACCURACY


def test_equal_errors_are_ordered_by_name() -> None:
    traced = row([1, 1, 1])
    evaluate = Evaluator(traced)
    run(traced, evaluate, tolerance=2)
    assert list(map(fp32_ops, evaluate.seen)) == ["", "a"]


@pytest.mark.parametrize("worst", [math.inf, math.nan])
def test_an_op_whose_output_is_not_finite_comes_first(worst: float) -> None:
    traced = row([1, 9, 2])
    blind = Additive(traced.graph, traced.harm, told={"c": worst})
    evaluate = Evaluator(blind)
    found = run(blind, evaluate, tolerance=1)
    assert list(map(fp32_ops, evaluate.seen)) == ["", "c", "bc"]
    reason = found.plans[0].reasons["c"]
    assert reason.number == math.inf
    assert "not finite" in reason.text


def test_values_that_overflow_and_harm_nothing_cost_no_trust() -> None:
    """The op is measured; the sketch of the others is believed."""

    class Masking(Additive):
        def sketch(
            self, precision: Precision, ops: Iterable[str], **options: Any
        ) -> Mapping[str, float]:
            found = super().sketch(precision, ops, **options)
            return {**found, "c": math.inf}

    plain = row([1, 50, 0.5, 40])
    found = run(Masking(plain.graph, plain.harm), Evaluator(plain), tolerance=4)
    how = {each.op: (each.error, each.method) for each in found.plans[0].ranking}
    assert how.pop("c") == (0.5, Method.SPLITTING)
    assert {method for _error, method in how.values()} == {Method.SKETCH}
    assert fp32_ops(found.plans[0].placement) == "bd"


def test_the_best_passing_trial_by_the_objective_is_first() -> None:
    found = run(TWENTY, Evaluator(TWENTY), SIX)
    passing = [fp32_ops(trial.placement) for trial in found.trials if trial.holds]
    assert passing == ["abcdefghijkl", "abcdefgh", "abcdef"]
    assert [fp32_ops(plan.placement) for plan in found] == passing[::-1]


def test_a_placement_that_was_tried_is_not_evaluated_again() -> None:
    tied = row([4, 3, 2, 1], equal=(frozenset("ab"),))
    evaluate = Evaluator(tied)
    found = run(tied, evaluate, tolerance=1.5)
    assert list(map(fp32_ops, evaluate.seen)) == ["", "ab", "abc", "c"]
    assert len(found.trials) == found.plans[0].trials == 4


def test_no_mover_between_pinned_ops_is_low_for_its_bytes_alone() -> None:
    """Between fp32 ops a chain of movers moves fewer bytes low, but its cast rounds."""
    kinds = [Kind.COMPUTE, *[Kind.MOVER] * 6, Kind.COMPUTE]
    values = ["x", *"abcdefgh"]
    ops = tuple(
        Op(
            name,
            "any",
            kind,
            (Slot(before),),
            (name,),
            flops=kind is Kind.COMPUTE,
            kernels=BOTH,
        )
        for kind, (before, name) in zip(kinds, itertools.pairwise(values), strict=True)
    )
    tensors = {name: Tensor(name, "float32", (4,)) for name in values}
    graph = Graph(ops, tensors, ("x",), ("h",))
    harm = {name: 1.0 if name in "ah" else 0.0 for name in "abcdefgh"}
    traced = Additive(graph, harm, cast_harm=1.0)
    evaluate = Evaluator(traced)
    found = run(traced, evaluate, tolerance=0.5)
    assert "ah" not in map(fp32_ops, evaluate.seen)
    assert len(evaluate.seen) == 4
    assert fp32_ops(found.plans[0].placement) == "abcdefgh"


# Reasons


def test_every_fp32_op_has_a_reason() -> None:
    tied = row([9, 1, 1, 1], equal=(frozenset("ab"), frozenset("bc")))
    found = run(tied, Evaluator(tied), tolerance=2)
    reasons = found.plans[0].reasons
    assert fp32_ops(found.plans[0].placement) == "".join(sorted(reasons)) == "abc"
    assert reasons["c"].text.startswith(
        "has the precision of a: tied to others; together, in 16 bits, they change"
    )


def test_an_op_left_alone_for_its_casts_says_so() -> None:
    traced = row([1, 1])
    small = Op("b", "relu", Kind.MOVER, (Slot("a"),), ("b",), kernels=BOTH)
    graph = Graph((traced.graph.ops[0], small), traced.graph.tensors, ("x",), ("b",))
    pinned = Pins(types={"linear": "op_type_dict.linear"})
    found = run(Additive(graph, traced.harm), Evaluator(traced), 9, pins=pinned)
    assert found.plans[0].reasons["a"].why is Why.USER
    assert found.plans[0].reasons["b"].why is Why.CAST


def test_pins_of_the_spec_hold_in_every_trial() -> None:
    evaluate = Evaluator(TWENTY)
    run(TWENTY, evaluate, SIX, pins=Pins(names={"t": "spec"}))
    assert all(placement["t"] is FP32 for placement in evaluate.seen)


def test_a_pin_that_matches_nothing_is_refused_before_any_trial() -> None:
    evaluate = Evaluator(TWENTY)
    with pytest.raises(UsageError, match="op_name_dict"):
        run(TWENTY, evaluate, SIX, pins=Pins(names={"zz": "op_name_dict.zz"}))
    assert evaluate.seen == []


def test_everything_low_asks_no_evaluator() -> None:
    found = everything_low(
        TWENTY, low=BF16, objective=low_compute, pins=Pins(names={"c": "spec"})
    )
    (plan,) = found
    assert fp32_ops(plan.placement) == "c"
    assert (found.trials, plan.trials, plan.objective) == ((), 0, "low_compute")


# Failing trials


def raising(
    error: BaseException, *when: int
) -> Callable[[int, Evaluation], Evaluation]:
    def then(number: int, found: Evaluation) -> Evaluation:
        if number in when:
            raise error
        return found

    return then


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("no kernel"),
        MemoryError(),
        ModelError("it died"),
        MetricError("ZeroDivisionError"),
    ],
)
def test_a_trial_that_raises_is_a_failed_trial_not_the_end(error: Exception) -> None:
    evaluate = Evaluator(TWENTY, raising(error, 1, 3))
    found = run(TWENTY, evaluate, SIX)
    assert fp32_ops(found.plans[0].placement) == "abcdef"
    failures = [trial.failure for trial in found.trials]
    assert [number for number, text in enumerate(failures, 1) if text] == [1, 3]
    assert failures[0].startswith(type(error).__name__)
    assert len(found.trials) == len(evaluate.seen)


def test_without_any_trial_evaluated_the_first_failure_is_told() -> None:
    evaluate = Evaluator(TWENTY, raising(RuntimeError("no kernel"), *range(99)))
    with pytest.raises(ModelError, match="RuntimeError: no kernel") as caught:
        run(TWENTY, evaluate, SIX)
    assert caught.value.remedy


def test_data_that_fails_ends_the_search() -> None:
    evaluate = Evaluator(TWENTY, raising(DataError("the disk is gone"), 2))
    with pytest.raises(DataError, match="the disk is gone"):
        run(TWENTY, evaluate, SIX)


@pytest.mark.parametrize(
    "broken",
    [
        Evaluation("loss", 0.0, 10, finite=False),
        Evaluation("loss", math.nan, 10, finite=True),
        Evaluation("loss", -math.inf, 10, finite=True),
    ],
)
def test_what_is_not_finite_fails_even_where_the_metric_holds(
    broken: Evaluation,
) -> None:
    evaluate = Evaluator(TWENTY, lambda number, found: broken if number == 1 else found)
    found = run(TWENTY, evaluate, tolerance=99)
    assert [trial.holds for trial in found.trials] == [False, True, True, True]
    assert fp32_ops(found.plans[0].placement) == "a"


def test_without_a_passing_trial_the_closest_is_the_only_plan() -> None:
    evaluate = Evaluator(TWENTY)
    found = run(TWENTY, evaluate, SIX, max_trials=2)
    assert not any(trial.holds for trial in found.trials)
    assert [fp32_ops(plan.placement) for plan in found] == ["abcd"]


def test_finite_outputs_are_closer_than_those_that_are_not() -> None:
    def then(number: int, found: Evaluation) -> Evaluation:
        return found if number == 2 else Evaluation("loss", 0.1, 10, finite=False)

    found = run(TWENTY, Evaluator(TWENTY, then), SIX, max_trials=4)
    assert [fp32_ops(plan.placement) for plan in found] == ["abcd"]


def test_a_criterion_missed_with_all_in_fp32_is_said_with_what_to_do() -> None:
    def noisy(number: int, found: Evaluation) -> Evaluation:
        return Evaluation("loss", 0.5, 10, True)

    evaluate = Evaluator(TWENTY, noisy)
    found = run(TWENTY, evaluate, SIX)
    assert any(all(p is FP32 for p in seen.values()) for seen in evaluate.seen)
    (warning,) = found.warnings
    assert "even with every op in fp32" in warning
    assert "0.5" in warning
    assert "widen the criterion" in warning


def test_a_criterion_that_is_met_warns_of_nothing() -> None:
    assert run(TWENTY, Evaluator(TWENTY), SIX).warnings == ()


def test_the_sketch_draws_by_the_budgets_seed() -> None:
    seeds = []

    class Asked(Additive):
        def sketch(
            self, precision: Precision, ops: Iterable[str], **options: Any
        ) -> Mapping[str, float]:
            seeds.append(options["seed"])
            return super().sketch(precision, ops)

    asked = Asked(TWENTY.graph, TWENTY.harm)
    run(asked, Evaluator(asked), SIX, seed=7)
    assert seeds == [7]


# When it stops


@pytest.mark.parametrize("most", [1, 2, 3, 5, 6, 7])
def test_there_are_no_more_trials_than_allowed(most: int) -> None:
    evaluate = Evaluator(TWENTY)
    found = run(TWENTY, evaluate, SIX, max_trials=most)
    assert len(found.trials) == len(evaluate.seen) == most


def test_the_best_passing_trial_is_kept_when_trials_run_out() -> None:
    found = run(TWENTY, Evaluator(TWENTY), SIX, max_trials=4)
    assert fp32_ops(found.plans[0].placement) == "abcdefgh"


@pytest.mark.parametrize(("seconds", "trials"), [(1, 1), (29, 3), (31, 4), (None, 7)])
def test_no_trial_starts_after_the_timeout(seconds: float | None, trials: int) -> None:
    now = [1000.0]
    evaluate = Evaluator(TWENTY)

    def slowly(placement: Placement, watch: Watch) -> Evaluation:
        now[0] += 10
        return evaluate(placement, watch)

    found = search(
        TWENTY,
        slowly,
        low=BF16,
        objective=low_compute,
        pins=Pins(),
        criterion=Criterion(absolute=SIX, higher_is_better=False),
        baseline=Evaluation("loss", 0.0, 10, True),
        budget=Budget(timeout=seconds),
        progress=Terminal(io.StringIO()),
        clock=lambda: now[0],
    )
    assert len(evaluate.seen) == trials
    assert found.ended == (f"timeout of {seconds} s" if seconds else "")


def test_an_interrupt_keeps_what_passed() -> None:
    evaluate = Evaluator(TWENTY, raising(KeyboardInterrupt(), 5))
    found = run(TWENTY, evaluate, SIX)
    assert found.interrupted
    assert fp32_ops(found.plans[0].placement) == "abcdefgh"
    assert len(found.trials) == 4


@pytest.mark.parametrize("when", [1, 2])
def test_an_interrupt_before_any_trial_passed_is_the_end(when: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(TWENTY, Evaluator(TWENTY, raising(KeyboardInterrupt(), when)), SIX)


def test_a_search_to_its_end_was_not_interrupted() -> None:
    assert not run(TWENTY, Evaluator(TWENTY), SIX).interrupted


# For random graphs, harms, and errors that say something else than the harms


@dataclass(frozen=True)
class Drawn:
    """A random model, what is tolerated, and the ops that crash when they are low."""

    traced: Additive
    tolerance: float
    crashing: frozenset[str]
    objective: Objective

    def then(self, evaluate: Evaluator) -> Callable[[int, Evaluation], Evaluation]:
        def crash(number: int, found: Evaluation) -> Evaluation:
            placement = evaluate.seen[-1]
            if any(placement[name] is BF16 for name in self.crashing):
                raise RuntimeError("crashed")
            return found

        return crash


def drawn(data: Any, cases: Any) -> Drawn:
    case = data.draw(cases.whole())
    assume(any(op.kernel(BF16) for op in case.graph.ops))
    whole = st.integers(0, 9).map(float)
    ops = case.graph.ops
    harm = {o.id: 0.0 if o.kind is Kind.MOVER else data.draw(whole) for o in ops}
    told = {o.id: data.draw(whole) for o in ops} if data.draw(st.booleans()) else {}
    traced = Additive(case.graph, harm, data.draw(st.sampled_from([0.0, 1.0])), told)
    ids = st.sampled_from([op.id for op in ops])
    return Drawn(
        traced,
        data.draw(whole),
        data.draw(st.frozensets(ids, max_size=1)),
        data.draw(st.sampled_from([low_compute, latency(case.costs)])),
    )


@quick
@given(data=st.data())
def test_what_is_returned_was_evaluated_and_passes(cases: Any, data: Any) -> None:
    model = drawn(data, cases)
    evaluate = Evaluator(model.traced)
    evaluate.then = model.then(evaluate)
    found = run(
        model.traced,
        evaluate,
        model.tolerance,
        objective=model.objective,
        max_trials=64,
    )
    best = found.plans[0].placement
    assert best in evaluate.seen
    assert model.traced.loss(best) <= model.tolerance
    assert not any(best[name] is BF16 for name in model.crashing)
    assert set(found.plans[0].reasons) == {n for n, p in best.items() if p is FP32}


@quick
@given(data=st.data(), most=st.integers(1, 8))
def test_trials_reported_are_evaluator_calls(cases: Any, data: Any, most: int) -> None:
    model = drawn(data, cases)
    evaluate = Evaluator(model.traced)
    found = run(
        model.traced,
        evaluate,
        model.tolerance,
        objective=model.objective,
        max_trials=most,
    )
    assert [trial.placement for trial in found.trials] == evaluate.seen
    assert len(evaluate.seen) <= most
    assert all(plan.trials == len(evaluate.seen) for plan in found)
    assert not any(a == b for a, b in itertools.combinations(evaluate.seen, 2))


@quick
@given(data=st.data())
def test_no_passing_trial_is_better_than_the_first_plan(cases: Any, data: Any) -> None:
    model = drawn(data, cases)
    found = run(
        model.traced,
        Evaluator(model.traced),
        model.tolerance,
        objective=model.objective,
        max_trials=64,
    )
    graph = model.traced.graph
    ranks = [model.objective.rank(graph, plan.placement) for plan in found]
    passing = [trial.placement for trial in found.trials if trial.holds]
    objective, best = model.objective, min(ranks, default=(0,))[0]
    whole = objective.rank(graph, dict.fromkeys(graph.by_id, FP32))[0]
    near = [
        p
        for p in passing
        if objective.rank(graph, p)[0] <= best + objective.tie * whole
    ]
    if objective.tie and near:
        fewest = min(len(casts(graph, each)) for each in near)
        assert found.plans[0].placement in near
        assert len(casts(graph, found.plans[0].placement)) == fewest
        ranks = ranks[len(near) :]
        passing = [each for each in passing if each not in near]
    assert ranks == sorted(objective.rank(graph, each) for each in passing)


@quick
@given(data=st.data())
def test_the_same_model_gives_the_same_search(cases: Any, data: Any) -> None:
    model = drawn(data, cases)

    def once() -> Iterator[Any]:
        evaluate = Evaluator(model.traced)
        found = run(model.traced, evaluate, model.tolerance, objective=model.objective)
        yield found.plans
        yield evaluate.seen

    assert list(once()) == list(once())
