"""Which instructions each precision below fp32 needs, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from ..graph.graph import Precision
from .cpu import Cpu

CPU_FLAGS: Mapping[Precision, Mapping[str, tuple[frozenset[str], ...]]] = {
    Precision.BF16: {
        "x86": (frozenset({"avx512_bf16"}), frozenset({"amx_bf16"})),
        "arm": (frozenset({"bf16"}),),
    },
    Precision.FP16: {
        "x86": (frozenset({"avx512_fp16"}), frozenset({"amx_fp16"})),
        "arm": (frozenset({"fphp", "asimdhp"}),),
    },
}
"""Precision → architecture → sets of flags, any one of which suffices."""

INT8_FLAGS: Mapping[str, tuple[frozenset[str], ...]] = {
    "x86": (
        frozenset({"avx512_vnni"}),
        frozenset({"avx_vnni"}),
        frozenset({"amx_int8"}),
    ),
    "arm": (frozenset({"i8mm"}), frozenset({"asimddp"})),
}
"""The same of int8, whose products are summed in 32 bits by these. Without them int8
runs all the same, so nothing is refused."""

CUDA_CAPABILITY: Mapping[Precision, tuple[int, int]] = {
    Precision.BF16: (8, 0),
    Precision.FP16: (5, 3),
}
"""Precision → lowest compute capability (CUDA C++ Programming Guide, "Arithmetic
Instructions")."""


def needed_flags(precision: Precision, cpu: Cpu) -> tuple[frozenset[str], ...]:
    """The sets of flags that would do on the CPU's architecture, () if none is known."""
    table = INT8_FLAGS if precision is Precision.INT8 else CPU_FLAGS[precision]
    return table.get(cpu.architecture, ())


def found_flags(precision: Precision, cpu: Cpu) -> tuple[frozenset[str], ...]:
    """Those of the needed sets that the CPU has in full."""
    return tuple(f for f in needed_flags(precision, cpu) if f <= cpu.flags)


def undecided(precision: Precision, cpu: Cpu) -> bool:
    """Whether the operating system leaves open if the CPU has the precision."""
    maybe = cpu.flags | cpu.unknown
    return not found_flags(precision, cpu) and any(
        flags <= maybe for flags in needed_flags(precision, cpu)
    )


def without_int8(cpu: Cpu) -> str:
    """What int8 is on a CPU that has no instructions for it, "" on one that has, or may."""
    int8 = Precision.INT8
    if found_flags(int8, cpu) or undecided(int8, cpu):
        return ""
    needed = spelled(needed_flags(int8, cpu)) or "instructions for it"
    saturates = (
        "; on x86 sums of uint8 × int8 products may saturate in 16 bits there, so outputs "
        "may differ from those on CPUs that have them"
    )
    return (
        f"int8 runs without {needed}, more slowly"
        f"{saturates if cpu.architecture == 'x86' else ''}"
    )


def spelled(sets: tuple[frozenset[str], ...]) -> str:
    """Sets of flags, any of which suffices, for people: "a and b or c"."""
    return " or ".join(" and ".join(sorted(flags)) for flags in sets)
