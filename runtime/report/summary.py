"""A report as a person reads it at the end of a run."""

from __future__ import annotations

from collections import Counter

from ..common.files import shown
from ..evaluation.judgement import Judgement
from .comparison import COMPILED, RESULT
from .report import Report
from .speed import in_bytes, performed_lines, rules_line, speed_lines

GRAPH = 100_000
"""Bytes that a file may take beside its weights."""


def summary(report: Report) -> str:
    """What a person reads at the end."""
    rows = [
        ("compute", _compute(report)),
        *(("accuracy", line) for line in _accuracy(report.judgement, report.drift)),
        (
            "size",
            f"{in_bytes(report.fp32_bytes)} of {_weights(report)} -> {in_bytes(report.saved_bytes)} file ({report.saved_bytes / max(report.fp32_bytes, 1):.0%})",
        ),
        *(("size", line) for line in _larger(report)),
        *([] if report.weights is None else [("weights", _stored(*report.weights))]),
        *(("latency", line) for line in _latency(report, RESULT)),
        *(("rules", line) for line in _rules(report)),
        *(("speed", line) for line in performed_lines(report.performed)),
        *(("compiled", line) for line in _compiled(report)),
        *([("kernels", report.kernels)] if report.kernels else []),
        ("search", searched(report)),
        *(("fp32", line) for line in _fp32(report)),
        *(("note", text) for text in report.notes),
        *(("warning", text) for text in report.warnings),
        ("script", shown(report.script)),
        ("plan", shown(report.plan)),
        ("model", shown(report.model)),
    ]
    if report.package is not None:
        rows.append(("package", shown(report.package.path)))
    if report.page is not None:
        rows.append(("report", shown(report.page)))
    head = f"{report.name}: {_made(report)}"
    return "\n".join([head, *(f"  {label:<10} {text}" for label, text in rows)])


def _made(report: Report) -> str:
    """Which precisions became which."""
    if not report.changed:
        return "nothing converted"
    came = "int8 + " if report.quantized else ""
    made = "int8 + " if report.flops_int8 else ""
    low = f"{report.low} + " if report.ops_low else ""
    return f"{came}fp32 -> {made}{low}fp32"


def _compute(report: Report) -> str:
    whole = max(report.flops, 1)
    low = (
        f"{report.flops_low / whole:.1%} of FLOPs and {report.ops_low} of {report.ops} "
        f"ops in {report.low}"
    )
    if not report.ops_int8:
        return f"{low}, {report.casts} casts"
    ops = f"{report.ops_int8} op{'s' * (report.ops_int8 != 1)}"
    int8 = f"{report.flops_int8 / whole:.1%} of FLOPs and {ops} in int8"
    return f"{int8}, {low}, {report.casts} casts"


def _weights(report: Report) -> str:
    """What is stored before: of a model that came quantized not fp32 alone."""
    return "weights, int8 as they came" if report.quantized else "fp32 weights"


def _larger(report: Report) -> list[str]:
    """That nothing was saved on disk, where the graph's own size does not explain it."""
    if report.saved_bytes <= report.fp32_bytes + GRAPH:
        return []
    return [
        "LARGER than the weights in fp32: what both precisions use is stored twice, and "
        "what is not converted is in fp32"
    ]


def _compiled(report: Report) -> list[str]:
    """The package's own accuracy, size and latency."""
    package = report.package
    if package is None:
        return []
    lines = [
        *_accuracy(package.judgement, package.drift),
        f"{in_bytes(package.path.stat().st_size)} file",
        *_latency(report, COMPILED),
    ]
    if report.judgement is not None and report.judgement.holds and not package.holds:
        lines.append("the model holds, its package does not: both are kept as failed")
    return lines


def _accuracy(judged: Judgement | None, drift: float | None) -> tuple[str, ...]:
    if judged is None:
        error = "" if drift is None else f", output error {drift:.1e}"
        return (f"criterion not checked: nothing was judged{error}",)
    return judged.lines


def _latency(report: Report, what: str) -> list[str]:
    if report.latency is None:
        return [untimed(report)]
    return speed_lines(report.latency, what)


def untimed(report: Report) -> str:
    """Why there is no latency."""
    return "not timed" if report.is_target else "not timed on the target"


def _rules(report: Report) -> list[str]:
    if report.latency is None or report.rules is None:
        return []
    judged = report.judgement
    limits = (
        (None, None) if judged is None else (judged.criterion, judged.baseline.value)
    )
    return [rules_line(report.latency, report.rules, report.flops, *limits)]


def _stored(fp32: int, placed: int) -> str:
    return (
        f"{in_bytes(fp32)} in fp32 -> {in_bytes(placed)} ({placed / max(fp32, 1):.0%})"
    )


def searched(report: Report) -> str:
    """How the placement was found, and what ended that early."""
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
