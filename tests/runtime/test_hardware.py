"""CPUs as their operating systems describe them: recorded, and this machine's own.

`cpus/` holds published flags of real CPUs, two cores each, other lines shortened.
"""

from __future__ import annotations

import platform
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.runtime.hardware.cpu import (
    LOW,
    SIXTEEN_BIT,
    WINDOWS,
    Cpu,
    Source,
    ask_linux,
    read_cpu,
    this_machine,
)
from narrowcast.runtime.hardware.instructions import without_int8

CPUS = Path(__file__).parent / "cpus"


def recorded(name: str, system: str = "Linux", machine: str = "x86_64") -> Source:
    return Source(system, machine, (CPUS / f"{name}.txt").read_text())


@pytest.mark.parametrize(
    ("source", "architecture", "model", "found"),
    [
        (
            recorded("sapphire_rapids"),
            "x86",
            "Intel(R) Xeon(R) Platinum 8457C",
            {"avx512_bf16", "amx_bf16", "avx512_fp16"},
        ),
        (
            recorded("ice_lake"),
            "x86",
            "Intel(R) Xeon(R) Gold 6334 CPU @ 3.60GHz",
            set(),
        ),
        (
            recorded("zen_4"),
            "x86",
            "AMD EPYC 9754 128-Core Processor",
            {"avx512_bf16"},
        ),
        (
            recorded("graviton_3", machine="aarch64"),
            "arm",
            "implementer 0x41, part 0xd40",
            {"bf16", "fphp", "asimdhp"},
        ),
        (
            recorded("cortex_a72", machine="aarch64"),
            "arm",
            "Raspberry Pi 4 Model B Rev 1.1",
            set(),
        ),
        (
            recorded("apple_m1", "Darwin", "arm64"),
            "arm",
            "Apple M1",
            {"fphp", "asimdhp"},
        ),
        (
            recorded("apple_m2", "Darwin", "arm64"),
            "arm",
            "Apple M2",
            {"bf16", "fphp", "asimdhp"},
        ),
        (
            recorded("mac_broadwell", "Darwin"),
            "x86",
            "Intel(R) Core(TM) i5-5250U CPU @ 1.60GHz",
            set(),
        ),
    ],
)
def test_a_recorded_cpu_is_read_and_nothing_about_it_is_unknown(
    source: Source, architecture: str, model: str, found: set[str]
) -> None:
    cpu = read_cpu(source)
    assert (cpu.architecture, cpu.model) == (architecture, model)
    assert cpu.flags & SIXTEEN_BIT[architecture] == found
    assert cpu.unknown == frozenset()


def test_other_flags_are_kept_in_linux_spelling() -> None:
    assert {"avx512f", "amx_tile"} <= read_cpu(recorded("sapphire_rapids")).flags
    assert "i8mm" in read_cpu(recorded("apple_m2", "Darwin", "arm64")).flags
    assert "avx2" in read_cpu(recorded("mac_broadwell", "Darwin")).flags


flag_sets = st.frozensets(st.sampled_from(["fp", "asimd", "bf16", "fphp", "asimdhp"]))


@given(st.lists(flag_sets, min_size=1, max_size=5))
def test_cores_that_differ_have_what_all_have_in_common(
    cores: list[frozenset[str]],
) -> None:
    text = "\n".join(
        f"processor\t: {index}\nFeatures\t: {' '.join(sorted(flags))}\n"
        for index, flags in enumerate(cores)
    )
    cpu = read_cpu(Source("Linux", "aarch64", text))
    assert cpu.flags == {f for f in cores[0] if all(f in core for core in cores)}


@pytest.mark.parametrize(
    "source",
    [
        Source("Linux", "x86_64", ""),
        Source("Linux", "x86_64", "processor\t: 0\nmodel name\t: A CPU\n"),
        Source("Darwin", "arm64", ""),
        Source("Darwin", "arm64", "hw.optional.neon_fp16: 1\n"),
        Source("Darwin", "x86_64", ""),
        Source("Windows", "AMD64", "PF_AVX512F_INSTRUCTIONS_AVAILABLE: 1"),
        Source("FreeBSD", "amd64", ""),
    ],
)
def test_what_the_system_does_not_tell_is_unknown_not_absent(source: Source) -> None:
    cpu = read_cpu(source)
    assert cpu.unknown == LOW[cpu.architecture]


def test_windows_on_arm_answers_only_with_yes() -> None:
    text = (
        "PF_ARM_V82_FP16_INSTRUCTIONS_AVAILABLE: 1\n"
        "PF_ARM_V86_BF16_INSTRUCTIONS_AVAILABLE: 0\n"
        "ProcessorNameString: Snapdragon(R) X Elite\n"
    )
    cpu = read_cpu(Source("Windows", "ARM64", text))
    assert cpu.model == "Snapdragon(R) X Elite"
    assert cpu.flags == {"fphp", "asimdhp"}
    assert cpu.unknown == {"bf16", "i8mm", "asimddp"}


def test_windows_numbers_are_asked_once_each() -> None:
    numbers = [number for number, _ in WINDOWS.values()]
    assert len(set(numbers)) == len(numbers)


def test_an_architecture_without_16_bit_flags_is_named_and_has_no_unknowns() -> None:
    cpu = read_cpu(Source("Linux", "ppc64le", "cpu\t\t: POWER9\n"))
    assert (cpu.architecture, cpu.unknown) == ("ppc64le", frozenset())


def test_this_machine_is_described_as_its_kernel_does() -> None:
    cpu = read_cpu()
    assert cpu == read_cpu(this_machine())
    if platform.system() == "Linux":
        lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", ask_linux(), re.MULTILINE)
        cores = [set(line.split()) for line in lines]
        assert cpu.flags == (set.intersection(*cores) if cores else set())


def test_a_cpu_without_instructions_for_int8_runs_it_all_the_same() -> None:
    """What it is there is said; where the system leaves it open nothing is."""
    old = Cpu("x86", "old", frozenset({"avx2"}))
    assert "avx512_vnni" in without_int8(old) and "saturate" in without_int8(old)
    for flag in ("avx512_vnni", "avx_vnni", "amx_int8"):
        assert not without_int8(replace(old, flags=frozenset({flag})))
    assert not without_int8(replace(old, unknown=frozenset({"avx_vnni"})))
    arm = replace(old, architecture="arm")
    assert "asimddp" in without_int8(arm) and "saturate" not in without_int8(arm)
    assert not without_int8(replace(arm, flags=frozenset({"i8mm"})))
