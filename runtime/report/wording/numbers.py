"""Numbers as a report writes them, on a page and in Markdown."""

from __future__ import annotations

import math

from ...common.timing import SAME, UNCLEAR, WITHIN
from ..document.document import Document
from ..document.figures import Contender, Latency

LABELS = {
    "fp32": "fp32, as loaded",
    "prepared": "fp32, prepared",
    "result": "Result",
    "compiled": "Result, compiled",
    "rules": "By op types alone",
}
"""Key of a contender → what it is, for people."""

WHYS = {
    "user": "The spec says so",
    "no kernel": "There is no kernel that works",
    "range": "The format can't hold its values",
    "bound": "It reads whole numbers that may grow",
    "accuracy": "Accuracy",
    "latency": "It is no faster in 16 bits",
    "memory": "It would be stored twice",
    "cast": "Casts would cost more than it gains",
}
"""What keeps an op in fp32, for people."""


def percent(share: float) -> str:
    """A share with one decimal; what is neither 0 nor 1 does not look so."""
    if not math.isfinite(share):
        return str(share)
    if 0.0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1.0:
        return ">99.9%"
    return f"{share:.1%}"


def size(number: int) -> str:
    """Bytes."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.2f} {unit}"
    return f"{number} bytes"


def seconds(value: float) -> str:
    """Seconds in the unit that they are read in."""
    if not math.isfinite(value):
        return str(value)
    if value >= 1.0:
        return f"{value:.2f} s"
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} µs"


def quartiles(latency: Latency) -> str:
    """The range that half of the runs were in."""
    return f"{seconds(latency.low)} to {seconds(latency.high)}"


def beside_fp32(contender: Contender) -> str:
    """How fast it is."""
    if contender.verdict == UNCLEAR and contender.latency is not None:
        return f"{UNCLEAR} ({quartiles(contender.latency)})"
    if not contender.verdict or contender.speedup is None:
        return ""
    said = {"within noise": ", within noise", "slower": ", slower"}
    return f"{contender.speedup:.2f}×{said.get(contender.verdict, '')}"


def count(number: int, what: str) -> str:
    """`3 casts`, `1 cast`."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def flops(number: float) -> str:
    """FLOPs in the unit that they are read in."""
    if not math.isfinite(number):
        return str(number)
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}FLOPs"
    return f"{number:g} FLOPs"


def gained(number: float, unit: str) -> str:
    """What an op would gain, in the objective's unit."""
    if unit == "seconds":
        return seconds(number)
    return size(round(number)) if unit == "bytes" else flops(number)


def label(contender: Contender) -> str:
    """What a contender is."""
    return LABELS.get(contender.key, contender.key)


def beside(result: Contender) -> str:
    """How fast a result is, in the words of the verdict."""
    speedup, noisy = result.speedup, result.verdict == WITHIN
    if speedup is None:
        return f"beside fp32 {beside_fp32(result)}"
    if noisy and abs(speedup - 1.0) < SAME:
        return "as long as fp32, within noise"
    noise = " by the medians, within noise" if noisy else ""
    return f"{speedup:.2f}× as fast as fp32{noise}"


def calibrated(document: Document) -> str:
    """Where int8's scales are from, "" for nowhere."""
    found = document.calibrated
    if found is None:
        return ""
    return (
        f"int8: scales of {count(found.tensors, 'tensor')}, from the ranges "
        f"({' and '.join(found.algorithms)}) of {count(found.samples, 'sample')} in "
        f"{found.batches:,} batch{'es' * (found.batches != 1)} of {found.data}"
    )


def precisions(document: Document) -> str:
    """What the model is in."""
    compute = document.compute
    low, int8 = compute.ops_low, 0 if compute.quantized else compute.ops_int8
    names = [
        *(["int8"] if compute.ops_int8 else []),
        *([document.precision] if low else []),
        *(["fp32"] if low + int8 < compute.ops else []),
    ]
    return " + ".join(names)


def conversion(document: Document) -> str:
    """What became of fp32."""
    if not document.compute.changed:
        return f"nothing converted, every op in {precisions(document)}"
    return f"fp32 → {precisions(document)}"


def searched(document: Document) -> str:
    """What was done to find the placement."""
    return document.searched.replace("none: ", "none, ")


def aside(name: str, scope: str) -> str:
    """Where an op is in the model, where its id does not say so; "" where it does."""
    return "" if not scope or scope in name else scope
