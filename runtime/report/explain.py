"""Why ops of a plan stayed fp32, from the plan alone: no framework, no model.

A plan may be a stranger's: nothing in it is trusted, and all of it is text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common import jsonl
from ..common.errors import NarrowcastError
from ..common.timing import Latency, latencies
from ..evaluation.criterion import Criterion, criterion_of
from ..evaluation.judging.verdict import Verdict, verdict_of
from ..graph.graph import Precision
from ..graph.pins import Why
from ..record.plan import damage, read_document, recorded_ranking
from ..record.recorded import Past, history_path, resumed
from ..search.sensitivity.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Judged:
    """The accuracy that the plan records.

    Attributes:
        verdicts: Of each number that was judged.
    """

    metric: str
    fp32: float
    result: float
    criterion: Criterion
    holds: bool
    verdicts: tuple[Verdict, ...]

    @property
    def needed(self) -> str:
        """What would have to be allowed for it to hold."""
        missed = [each for each in self.verdicts if not each.holds]
        return " and ".join(each.needed for each in missed) or "finite outputs"


@dataclass(frozen=True, slots=True)
class Kept:
    """An op that stayed fp32.

    Attributes:
        why, text: As `Reason`.
        share: Its part of the predicted squared output error, None if not estimated.
        gain: What it would have gained, in the objective's unit, None if unknown.
    """

    op: str
    why: Why
    text: str
    share: float | None
    gain: float | None


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial of the history beside the plan.

    Attributes:
        ops_low, ops_int8: Ops in 16 bits, and in int8.
        value: The metric, None where the trial failed.
        failure: Why it failed.
        full: Whether it saw all data.
        flops_low: FLOPs in 16 bits, None where the plan doesn't say what its fp32 ops
            have.
    """

    number: int
    ops_low: int
    value: float | None
    failure: str
    full: bool
    flops_low: float | None
    ops_int8: int = 0


@dataclass(frozen=True)
class Explanation:
    """What a plan says of its result.

    Attributes:
        flops_int8: FLOPs in int8.
        unit: Of gains: "FLOPs", "seconds" or "bytes".
        kept: Ops that stayed fp32 though a precision applies to them.
        ranking: Estimates, worst first.
        trials: Of the history beside the plan; None if there is none.
        ops_int8: Ops in int8.
        above_int8: Ops that could compute in int8 and don't, or contract and have no
            kernel for it.
        calibration: What int8's ranges are of; {} for no data.
        precisions: Op id → what it computes in, of those in the ranking.
        io: "inputs" and "outputs" whose dtype was freed → what they are in.
    """

    name: str
    low: str
    objective: str
    trial_count: int
    ops: int
    ops_low: int
    flops: int
    flops_low: int
    casts: int
    unit: str
    judged: Judged | None
    latency: Mapping[str, Latency]
    rules: Mapping[str, Any]
    kept: tuple[Kept, ...]
    ranking: tuple[Estimate, ...]
    trials: tuple[Tried, ...] | None
    flops_int8: int = 0
    ops_int8: int = 0
    above_int8: tuple[Kept, ...] = ()
    calibration: Mapping[str, Any] = field(default_factory=dict)
    precisions: Mapping[str, str] = field(default_factory=dict)
    io: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def has_int8(self) -> bool:
        """Whether the result or a trial has ops in int8."""
        return bool(self.ops_int8 or any(t.ops_int8 for t in self.trials or ()))


def explained(path: Path) -> Explanation:
    """Read a plan, and the history of its search if it is beside it.

    Raises:
        PlanError: The plan can't be read, or is damaged.
    """
    content = read_document(path)
    with damage(path.name):
        ops = {str(k): str(v) for k, v in content["ops"].items()}
        low = str(content["precision"])
        unit = str(content.get("unit", ""))
        fp32 = tuple(
            _kept(str(name), row, unit) for name, row in content["fp32"].items()
        )
        ranking = recorded_ranking(content, path.name)
        kept = tuple(op for op in fp32 if op.why not in (Why.FIXED, Why.INT8))
        return Explanation(
            name=str(content.get("name", path.name)),
            low=low,
            objective=str(content["objective"]),
            trial_count=int(content["trials"]),
            ops=len(ops) - (len(fp32) - len(kept)),
            ops_low=sum(precision == low for precision in ops.values()),
            flops=int(content["graph"]["flops"]),
            flops_low=int(content["graph"]["flops_low"]),
            casts=len(content["casts"]),
            unit=unit,
            judged=_judged(content.get("judgement")),
            latency=_latency(content.get("latency") or {}),
            rules=dict(content.get("rules") or {}),
            kept=tuple(sorted(kept, key=_weight)),
            ranking=ranking,
            trials=_trials(path, content, ops, low),
            flops_int8=int(content["graph"].get("flops_int8", 0)),
            ops_int8=sum(precision == Precision.INT8 for precision in ops.values()),
            above_int8=tuple(_above_int8(content, unit)),
            precisions={e.op: ops[e.op] for e in ranking if e.op in ops},
            calibration=_calibration(content.get("calibration")),
            io={
                str(key): {str(name): str(each) for name, each in found.items()}
                for key, found in content.get("io", {}).items()
            },
        )


def _above_int8(content: Mapping[str, Any], unit: str) -> Iterator[Kept]:
    refused = {str(k): str(v) for k, v in content.get("no_int8_kernel", {}).items()}
    for name, text in refused.items():
        yield Kept(name, Why.NO_KERNEL, f"no int8 kernel: {text}", None, None)
    for name, row in content.get("above_int8", {}).items():
        if name not in refused:
            yield _kept(str(name), row, unit)


def _calibration(data: Mapping[str, Any] | None) -> dict[str, Any]:
    if not data:
        return {}
    algorithms = [str(each) for each in data["algorithms"]]
    counts = {name: int(data[name]) for name in ("samples", "batches")}
    named = {name: str(data[name]) for name in ("from", "digest")}
    return {**named, **counts, "algorithms": algorithms}


def _weight(kept: Kept) -> tuple[float, float, str]:
    return -(kept.share or 0.0), -(kept.gain or 0.0), kept.op


def _kept(name: str, row: Mapping[str, Any], unit: str) -> Kept:
    share, gain = row.get("share"), row.get("gain")
    return Kept(
        name,
        Why(row["why"]),
        str(row["text"]),
        None if share is None else float(share),
        None if gain is None or not unit else float(gain),
    )


def _judged(data: Mapping[str, Any] | None) -> Judged | None:
    if data is None:
        return None
    return Judged(
        str(data["metric"]),
        float(data["fp32"]),
        float(data["result"]),
        criterion_of(data["criterion"]),
        bool(data["holds"]),
        tuple(map(verdict_of, data.get("parts") or (data,))),
    )


def _latency(data: Mapping[str, Any]) -> dict[str, Latency]:
    numbers = ("median", "low", "high", "runs")
    return latencies(
        {
            name: {**row, **{k: float(row[k]) for k in numbers}}
            for name, row in data.items()
        }
    )


def _trials(
    path: Path, content: Mapping[str, Any], ops: Mapping[str, str], low: str
) -> tuple[Tried, ...] | None:
    """The trials of the history beside the plan, if it is there and can be read."""
    beside = history_path(path)
    try:
        lines, _size = jsonl.read(beside) if beside.exists() else ([], 0)
        history = resumed(beside, lines[0]) if lines else None
    except (NarrowcastError, LookupError):
        return None
    if history is None:
        return None
    flops = _flops(content, ops, low)
    known = [trial for trial in history.trials.values() if str(trial.low) == low]
    return tuple(
        _tried(trial, ops, flops) for trial in sorted(known, key=lambda t: t.number)
    )


def _flops(
    content: Mapping[str, Any], ops: Mapping[str, str], low: str
) -> dict[str, float] | None:
    """FLOPs of the ops that stayed fp32, where that is what the plan has of them."""
    if content.get("unit") != "FLOPs":
        return None
    return {
        name: float(content["fp32"].get(name, {}).get("gain", 0.0))
        for name, precision in ops.items()
        if precision != low
    }


def _tried(past: Past, ops: Mapping[str, str], flops: Any) -> Tried:
    placement = past.placement(ops)
    outcome = past.outcome
    evaluation = outcome.evaluation if outcome else None
    lowered = [name for name, p in placement.items() if p == past.low]
    return Tried(
        past.number,
        len(lowered),
        float(evaluation.value) if evaluation and evaluation.finite else None,
        outcome.failure if outcome else "it did not end",
        bool(evaluation and evaluation.full),
        None if flops is None else sum(flops.get(name, 0.0) for name in lowered),
        sum(p is Precision.INT8 for p in placement.values()),
    )
