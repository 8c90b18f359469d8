"""One planted model, one evaluator: every strategy is counted and timed by it."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import planted
from culprits import Planted
from models import Model
from spent import Spent, now
from strategies import sensitivity_bisect
from strategies.problem import Log, Names, Op, Problem, Score, Strategy

from narrowcast.runtime.common.telling.progress import Terminal
from narrowcast.runtime.evaluation.evaluation import (
    Evaluation,
    Watch,
    evaluate,
    to_the_end,
)
from narrowcast.runtime.frameworks.protocol import Statistics, Traced
from narrowcast.runtime.graph.graph import Kind, Placement, Precision
from narrowcast.runtime.graph.pins import Pins, Reason, Why
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import Budget, search
from narrowcast.runtime.search.limits.capability import capability_pins
from narrowcast.runtime.search.limits.movers import with_movers


@dataclass(frozen=True)
class Row:
    """What one strategy came to.

    Attributes:
        evaluations: Evaluations over the full set, also if ended early.
        passes: Passes over one batch besides: ranges, errors, sketches.
        low: Share of the FLOPs in 16 bits in what it delivers, 0 without a result.
        holds: Whether what it delivers meets the criterion on the full set.
        seconds: From the traced model to the result; for narrowcast from the model.
        cpu: The same of processors.
    """

    evaluations: int
    passes: int
    low: float
    holds: bool
    seconds: float
    cpu: float

    def plain(self) -> dict[str, Any]:
        return {
            k: round(v, 4) if isinstance(v, float) else v
            for k, v in asdict(self).items()
        }


@dataclass
class Bench:
    """One case in one framework.

    Attributes:
        seen: Low ops → what their evaluation gave, and what it took.
    """

    case: Planted
    model: Model
    seen: dict[Names, tuple[Evaluation | None, Spent]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start = now()
        self.traced = self.model.trace()
        self.tracing = now() - start
        self.batches = planted.batches(self.case, self.model.tensor)
        self.baseline = evaluate(self.model.original, self.batches, self.case.metric)
        self.score(self._placement(self.ops))  # what is slow the first time only
        self.seen.clear()

    @cached_property
    def pins(self) -> Mapping[str, Reason]:
        """What has no kernel: given to every strategy."""
        return capability_pins(self.traced.graph, self.case.low, self.traced.probes)

    @cached_property
    def ops(self) -> tuple[str, ...]:
        """What a strategy may place: ops that round. Movers follow them."""
        return tuple(
            op.id
            for op in self.traced.graph.ops
            if op.id not in self.pins
            and op.kernel(self.case.low) is not None
            and op.kind in (Kind.COMPUTE, Kind.POINTWISE)
        )

    @property
    def culprits(self) -> int:
        """How many of these may be pinned for themselves."""
        return len(planted.culprits(self.traced.graph, self.case) & set(self.ops))

    def score(
        self, placement: Placement, watch: Watch = to_the_end
    ) -> tuple[Evaluation | None, Spent]:
        """Convert and evaluate, and how long that took; None if it fails."""
        start = now()
        try:
            predict = self.model.predictor(self.traced.apply(placement))
            found = evaluate(predict, self.batches, self.case.metric, watch=watch)
        except Exception:  # a trial that fails is a failed trial, whatever it raises
            found = None
        return found, now() - start

    def row(self, strategy: Strategy, *, again: bool) -> Row:
        """One of the other strategies.

        What another one evaluated before counts, and is charged what it took then.

        Args:
            again: Run every evaluation anew all the same.
        """
        if again:
            self.seen.clear()
        sensitivities, passes, charged = self._sensitivities(strategy)

        def score(fp32: Names) -> Score:
            nonlocal charged
            placement = self._placement(fp32)
            low = self._low(placement)
            if again or low not in self.seen:
                self.seen[low] = self.score(placement)
            found, spent = self.seen[low]
            charged += spent
            return Score(self._loss(found), self._holds(found))

        log = Log(score)
        graph = self.traced.graph
        ops = [Op(n, graph.by_id[n].type, graph.by_id[n].flops) for n in self.ops]
        fp32 = strategy(Problem(tuple(ops), log, sensitivities))
        share, holds = 0.0, False
        if fp32 is not None:
            share, holds = self._share(self._placement(fp32)), log(fp32).passes
        return Row(len(log), passes, share, holds, charged.wall, charged.cpu)

    def narrowcast(self) -> Row:
        """Our own search, from the model as loaded: export and probes are its own.

        A trial that ended early is one evaluation. If it is the best, it is evaluated in
        full, as the finish does: that counts in seconds, and as an evaluation if it fails.
        """
        counted = Counted(self.traced)
        calls = []

        def score(placement: Placement, watch: Watch = to_the_end) -> Evaluation:
            calls.append(placement)
            predict = self.model.predictor(self.traced.apply(placement))
            return evaluate(predict, self.batches, self.case.metric, watch=watch)

        start = now()
        found = search(
            counted,  # type: ignore[arg-type]
            score,
            low=self.case.low,
            objective=low_compute,
            pins=Pins(),
            criterion=self.case.criterion,
            baseline=self.baseline,
            budget=Budget(max_trials=20),
            progress=Terminal(io.StringIO()),
            clock=time.perf_counter,
        )
        spent = self.tracing + (now() - start)
        failed, placement, exact = 0, found.plans[0].placement, None
        for plan in found.plans:
            placement = plan.placement
            best = next(t for t in found.trials if t.placement == placement)
            exact = best.evaluation
            if exact is None or not exact.full:
                exact, more = self.score(placement)
                spent += more
            if self._holds(exact):
                break
            failed += 1
        share, holds = self._share(placement), self._holds(exact)
        count = len(calls) + failed
        return Row(count, counted.passes, share, holds, spent.wall, spent.cpu)

    def _sensitivities(
        self, strategy: Strategy
    ) -> tuple[Mapping[str, float], int, Spent]:
        """Estimates for those that use them, their passes and seconds."""
        if strategy is not sensitivity_bisect.search:
            return {}, 0, Spent()
        counted, low = Counted(self.traced), self.case.low
        start = now()
        found = dict(counted.sketch(low, self.ops))
        for name in self.ops:
            if name not in found:
                found[name] = counted.error(low, (name,)) ** 2
        return found, counted.passes, now() - start

    def _placement(self, fp32: Iterable[str]) -> Placement:
        """As ours: the exact cut, and movers that carry fp32 values to what is pinned."""
        own = {name: Reason(Why.ACCURACY, "") for name in fp32}
        pins = with_movers(self.traced.graph, {**self.pins, **own})
        return low_compute(self.traced.graph, self.case.low, pins.keys()).placement

    def _low(self, placement: Placement) -> Names:
        return frozenset(n for n, p in placement.items() if p is self.case.low)

    def _share(self, placement: Placement) -> float:
        graph = self.traced.graph
        low = sum(op.flops for op in graph.ops if placement[op.id] is self.case.low)
        return low / max(graph.flops, 1)

    def _loss(self, found: Evaluation | None) -> float:
        if found is None or math.isnan(found.value):
            return math.inf
        return self.case.criterion.loss(self.baseline.value, found.value)

    def _holds(self, found: Evaluation | None) -> bool:
        bound, base = self.case.criterion, self.baseline.value
        return found is not None and found.finite and bound.holds(base, found.value)


class Counted:
    """A traced model that counts its passes over the calibration batch."""

    def __init__(self, traced: Traced) -> None:
        self.traced, self.passes = traced, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.traced, name)

    def error(self, precision: Precision, ops: Iterable[str]) -> float:
        self.passes += 1
        return self.traced.error(precision, ops)

    def statistics(self, precision: Precision) -> Mapping[str, Statistics]:
        self.passes += 1
        return self.traced.statistics(precision)

    def sketch(
        self,
        precision: Precision,
        ops: Iterable[str],
        *,
        probes: int = 4,
        seed: int = 0,
    ) -> Mapping[str, float]:
        """One pass in fp32 with all low kernels beside it, one back for each probe."""
        self.passes += 2 + probes
        return self.traced.sketch(precision, ops, probes=probes, seed=seed)
