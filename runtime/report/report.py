"""What a run has to say for itself: as data, as JSON, as a summary for people."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..common.delivery import candidate_bytes
from ..common.strict_json import strict
from ..common.timing import Latency
from ..evaluation.criterion import Criterion
from ..evaluation.evaluation import Evaluation, rounded
from ..graph.graph import Graph, Precision, casts
from ..graph.pins import Why
from ..placement.memory import weight_bytes
from ..search import Found
from ..search.found import Plan
from .comparison import COMPILED, RESULT, RuleBased, Timed
from .speed import rules_hold, rules_line, speed_data, speed_lines


@dataclass(frozen=True, slots=True)
class Judgement:
    """The accuracy of what is delivered: the saved file, evaluated in full.

    Attributes:
        criterion: The accuracy demanded.
        baseline: The model as loaded.
        result: The saved file in a fresh process.
    """

    criterion: Criterion
    baseline: Evaluation
    result: Evaluation

    @property
    def holds(self) -> bool:
        """Whether the criterion holds; never where outputs are not finite."""
        within = self.criterion.holds(self.baseline.value, self.result.value)
        return self.result.finite and within


@dataclass(frozen=True, slots=True)
class Package:
    """A compiled package of the result.

    Attributes:
        path: Its file.
        judgement: Its accuracy, loaded in a fresh process: its kernels round otherwise.
        drift: Without a criterion, its output error; as `Report.drift`.
    """

    path: Path
    judgement: Judgement | None = None
    drift: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the criterion holds, if there is one."""
        return self.judgement is None or self.judgement.holds


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes:
        flops, flops_low: FLOPs of the graph, and those in 16 bits.
        ops, ops_low: Ops that could carry a precision at all, and those in 16 bits.
        fp32_bytes: Size of the weights in fp32.
        saved_bytes: Size of the converted file.
        judgement: Accuracy before and after; None where the spec has no evaluation.
        drift: Without one, the relative RMS error of the outputs on random inputs.
        kernels: The faster kernels that stand for ops, "" if there are none.
        fp32: Op id → reason, without the ops that no precision applies to.
        package: Under `execution: compile`, the compiled package.
        notes: What `Traced.notes` says.
        ended: What of the budget ended the search early, "" if nothing did.
        weights: Under objective memory, bytes of the weights in fp32 and as placed.
        rules: What converters that go by lists of op types would make of the model.
        rebuilt: The trial of an earlier search that was rebuilt, if one was.
    """

    name: str
    low: Precision
    objective: str
    flops: int
    flops_low: int
    ops: int
    ops_low: int
    casts: int
    fp32_bytes: int
    saved_bytes: int
    judgement: Judgement | None
    drift: float | None
    latency: dict[str, Latency] | None
    trials: int
    replayed: bool
    interrupted: bool
    is_target: bool
    kernels: str
    fp32: dict[str, str]
    script: Path
    model: Path
    plan: Path
    warnings: tuple[str, ...]
    package: Package | None = None
    ended: str = ""
    notes: tuple[str, ...] = ()
    weights: tuple[int, int] | None = None
    rules: RuleBased | None = None
    rebuilt: int | None = None

    @property
    def exit_code(self) -> int:
        """0 done, 1 criterion not met, 130 interrupted."""
        if self.interrupted:
            return 130
        judged = (self.judgement, self.package.judgement if self.package else None)
        return int(any(each is not None and not each.holds for each in judged))


def gathered(
    *,
    name: str,
    graph: Graph,
    plan: Plan,
    found: Found,
    judgement: Judgement | None,
    drift: float | None,
    timed: Timed | None,
    interrupted: bool,
    replayed: bool,
    is_target: bool,
    kernels: str,
    script: Path,
    saved: Path,
    plan_path: Path,
    warnings: tuple[str, ...],
    notes: tuple[str, ...] = (),
    package: Package | None = None,
    rebuilt: int | None = None,
) -> Report:
    """The report of what was delivered, not of what the search believed."""
    carrying = [op for op in graph.ops if graph.castable(op)]
    low = [op for op in carrying if plan.placement[op.id] == plan.low]
    weights = [t for t in graph.tensors.values() if t.constant]
    return Report(
        name=name,
        low=plan.low,
        objective=plan.objective,
        flops=graph.flops,
        flops_low=sum(op.flops for op in low),
        ops=len(carrying),
        ops_low=len(low),
        casts=len(casts(graph, plan.placement)),
        fp32_bytes=sum(t.elements * t.itemsize for t in weights),
        saved_bytes=candidate_bytes(saved),
        judgement=judgement,
        drift=drift,
        latency=None if timed is None else dict(timed.latency),
        trials=len(found.trials),
        replayed=replayed,
        interrupted=interrupted,
        is_target=is_target,
        kernels=kernels,
        fp32={
            op_id: f"{reason.why}: {reason.text}"
            for op_id, reason in plan.reasons.items()
            if reason.why is not Why.FIXED
        },
        script=script,
        model=saved,
        plan=plan_path,
        warnings=warnings,
        package=package,
        ended=found.ended,
        notes=notes,
        weights=_weights(graph, plan) if plan.objective == "memory" else None,
        rules=None if timed is None else timed.rules,
        rebuilt=rebuilt,
    )


def _weights(graph: Graph, plan: Plan) -> tuple[int, int]:
    fp32 = dict.fromkeys(graph.by_id, Precision.FP32)
    return weight_bytes(graph, fp32), weight_bytes(graph, plan.placement)


def as_json(report: Report) -> dict[str, Any]:
    """The report as strict JSON's data; paths as the user would type them here."""
    data = asdict(report)
    for name in ("script", "plan", "model"):
        data[name] = shown(getattr(report, name))
    if report.judgement is not None:
        data["judgement"] = _judgement_data(report.judgement)
    if report.latency is not None:
        data |= speed_data(report.latency, RESULT)
    if report.rules is not None:
        data["rules"] = _rules_data(report, report.rules)
    if report.package is not None:
        data["package"] = _package_data(report, report.package)
    found: dict[str, Any] = strict({**data, "exit_code": report.exit_code})
    return found


def _judgement_data(judgement: Judgement) -> dict[str, Any]:
    """Without the scores of every sample."""
    data = asdict(judgement)
    for evaluation in (data["baseline"], data["result"]):
        del evaluation["scores"]
    return {**data, "holds": judgement.holds}


def _rules_data(report: Report, rules: RuleBased) -> dict[str, Any]:
    judged, scored = report.judgement, rules.evaluation
    holds = None
    if judged is not None and scored is not None:
        holds = rules_hold(rules, judged.criterion, judged.baseline.value)
    return {
        "flops_low": rules.flops_low,
        "same": rules.same,
        "aside": rules.aside,
        "result": None if scored is None else scored.value,
        "holds": holds,
    }


def _package_data(report: Report, package: Package) -> dict[str, Any]:
    data = {**asdict(package), "path": shown(package.path)}
    data["bytes"] = package.path.stat().st_size
    if package.judgement is not None:
        data["judgement"] = _judgement_data(package.judgement)
    if report.latency is not None:
        data |= speed_data(report.latency, COMPILED)
    return data


def summary(report: Report) -> str:
    """What a person reads at the end."""
    share = report.flops_low / max(report.flops, 1)
    rows = [
        (
            "compute",
            f"{share:.1%} of FLOPs and {report.ops_low} of {report.ops} ops in {report.low}, {report.casts} casts",
        ),
        ("accuracy", _accuracy(report.judgement, report.drift)),
        (
            "size",
            f"{_size(report.fp32_bytes)} of fp32 weights -> {_size(report.saved_bytes)} file ({report.saved_bytes / max(report.fp32_bytes, 1):.0%})",
        ),
        *([] if report.weights is None else [("weights", _stored(*report.weights))]),
        *(("latency", line) for line in _latency(report, RESULT)),
        *(("rules", line) for line in _rules(report)),
        *(("compiled", line) for line in _compiled(report)),
        *([("kernels", report.kernels)] if report.kernels else []),
        ("search", _search(report)),
        *(("fp32", line) for line in _fp32(report)),
        *(("note", text) for text in report.notes),
        *(("warning", text) for text in report.warnings),
        ("script", shown(report.script)),
        ("plan", shown(report.plan)),
        ("model", shown(report.model)),
    ]
    if report.package is not None:
        rows.append(("package", shown(report.package.path)))
    head = f"{report.name}: fp32 -> {report.low} + fp32"
    return "\n".join([head, *(f"  {label:<10} {text}" for label, text in rows)])


def counted(forms: Mapping[str, str]) -> str:
    """Kernels by how often they stand for ops: "12 linear+gelu, 1 linear"."""
    most = Counter(forms.values()).most_common()
    return ", ".join(f"{count} {name}" for name, count in most)


def shown(path: Path) -> str:
    """A path as short as it can be typed here."""
    relative = os.path.relpath(path)
    return relative if not relative.startswith("..") else str(path)


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _compiled(report: Report) -> list[str]:
    """The package's own accuracy, size and latency."""
    package = report.package
    if package is None:
        return []
    lines = [
        _accuracy(package.judgement, package.drift),
        f"{_size(package.path.stat().st_size)} file",
        *_latency(report, COMPILED),
    ]
    if report.judgement is not None and report.judgement.holds and not package.holds:
        lines.append("the model holds, its package does not: both are kept as failed")
    return lines


def _accuracy(judged: Judgement | None, drift: float | None) -> str:
    if judged is None:
        error = "" if drift is None else f", output error {drift:.1e}"
        return f"criterion not checked: the spec has no evaluation{error}"
    before, after = judged.baseline.value, judged.result.value
    bound = judged.criterion.bound(before)
    limit = "at least" if judged.criterion.higher_is_better else "at most"
    state = "criterion holds" if judged.holds else "CRITERION NOT MET"
    finite = "" if judged.result.finite else ", outputs are not finite"
    return (
        f"{judged.result.metric} {rounded(before)} -> {rounded(after)}  "
        f"({limit} {rounded(bound)}: {state}{finite})"
    )


def _latency(report: Report, what: str) -> list[str]:
    if report.latency is None:
        return ["not timed" if report.is_target else "not timed on the target"]
    return speed_lines(report.latency, what)


def _rules(report: Report) -> list[str]:
    if report.latency is None or report.rules is None:
        return []
    judged = report.judgement
    limits = (
        (None, None) if judged is None else (judged.criterion, judged.baseline.value)
    )
    return [rules_line(report.latency, report.rules, report.flops, *limits)]


def _stored(fp32: int, placed: int) -> str:
    return f"{_size(fp32)} in fp32 -> {_size(placed)} ({placed / max(fp32, 1):.0%})"


def _search(report: Report) -> str:
    if report.replayed:
        return "none: the committed plan was replayed"
    if report.rebuilt is not None:
        return f"none: trial {report.rebuilt} was rebuilt"
    ended = ", interrupted" if report.interrupted else ""
    if report.ended:
        ended += f", ended early by {report.ended}"
    return (
        f"{report.trials} trial{'s' * (report.trials != 1)}, {report.objective}{ended}"
    )


def _fp32(report: Report) -> list[str]:
    """Reasons by how many ops they hold; the plan names every op."""
    counted = Counter(report.fp32.values()).most_common()
    shown_, rest = counted[:5], counted[5:]
    lines = [f"{count} op{'s' * (count != 1)}: {text}" for text, count in shown_]
    if rest:
        lines.append(f"{sum(count for _text, count in rest)} more, see the plan")
    return lines
