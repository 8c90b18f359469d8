"""What the operating system says of the CPU: its name and its instruction-set flags.

Flags are in Linux's spelling on every system. No instruction is executed to find out:
the kernel's word also covers what a hypervisor or a boot option has switched off.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

SIXTEEN_BIT: Mapping[str, frozenset[str]] = {
    "x86": frozenset({"avx512_bf16", "amx_bf16", "avx512_fp16", "amx_fp16"}),
    "arm": frozenset({"bf16", "fphp", "asimdhp"}),
}
"""Architecture → every flag of 16-bit arithmetic (arch/*/include/asm/cpufeature*.h)."""

LOW: Mapping[str, frozenset[str]] = {
    "x86": SIXTEEN_BIT["x86"] | {"avx512_vnni", "avx_vnni", "amx_int8"},
    "arm": SIXTEEN_BIT["arm"] | {"i8mm", "asimddp"},
}
"""The same with int8's."""

APPLE: Mapping[str, tuple[str, ...]] = {
    "fp16": ("fphp", "asimdhp"),
    "dotprod": ("asimddp",),
}
"""macOS's FEAT_* name, lower case → Linux's, where they differ."""

WINDOWS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "PF_AVX2_INSTRUCTIONS_AVAILABLE": (40, ("avx2",)),
    "PF_AVX512F_INSTRUCTIONS_AVAILABLE": (41, ("avx512f",)),
    "PF_ARM_V82_FP16_INSTRUCTIONS_AVAILABLE": (67, ("fphp", "asimdhp")),
    "PF_ARM_V86_BF16_INSTRUCTIONS_AVAILABLE": (68, ("bf16",)),
}
"""Argument of IsProcessorFeaturePresent (winnt.h) → its number and Linux's flags."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one operating system gave, unread.

    Attributes:
        system: As `platform.system()` has it ("Linux", "Darwin", "Windows").
        machine: As `platform.machine()` has it ("x86_64", "arm64").
        text: Lines `name: value`: /proc/cpuinfo, the output of sysctl, or the answers
            of IsProcessorFeaturePresent; empty if there is none.
    """

    system: str
    machine: str
    text: str


@dataclass(frozen=True, slots=True)
class Cpu:
    """A CPU as the operating system describes it.

    Attributes:
        architecture: "x86", "arm", or the machine's own name for any other.
        model: The name that the maker gave it, "unknown" if the system has none.
        flags: What every core has, in Linux's spelling.
        unknown: The 16-bit flags that the system has no answer for, neither yes nor no.
        source: Where the flags come from, for messages.
    """

    architecture: str
    model: str
    flags: frozenset[str]
    unknown: frozenset[str] = frozenset()
    source: str = "/proc/cpuinfo"


def read_cpu(source: Source | None = None) -> Cpu:
    """The CPU of this machine, or the one that `source` records."""
    source = this_machine() if source is None else source
    read = READERS.get(source.system)
    if read is not None:
        return read(source)
    architecture = architecture_of(source.machine)
    return described(architecture, "unknown", frozenset(), frozenset(), source.system)


def described(
    architecture: str,
    model: str,
    flags: frozenset[str],
    answered: frozenset[str],
    source: str,
) -> Cpu:
    """A Cpu whose unanswered 16-bit flags are unknown."""
    unknown = LOW.get(architecture, frozenset()) - answered
    return Cpu(architecture, model, flags, unknown, source)


def architecture_of(machine: str) -> str:
    """The family of instruction sets that a machine name belongs to."""
    name = machine.lower()
    if name in {"x86_64", "amd64", "x86", "i386", "i486", "i586", "i686"}:
        return "x86"
    return "arm" if name.startswith(("arm", "aarch64")) else name


def fields(text: str) -> Iterator[tuple[str, str]]:
    """The `name: value` lines of a text."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def from_cpuinfo(source: Source) -> Cpu:
    """The CPU of /proc/cpuinfo's text: `flags` on x86, `Features` on Arm.

    Cores may differ (big.LITTLE, mixed sockets) and a thread may run on any of them:
    only what all have in common counts.
    """
    architecture = architecture_of(source.machine)
    cores: list[frozenset[str]] = []
    first: dict[str, str] = {}
    for name, value in fields(source.text):
        if name in {"flags", "Features"}:
            cores.append(frozenset(value.split()))
        first.setdefault(name, value)
    flags = reduce(frozenset.intersection, cores) if cores else frozenset()
    answered = LOW.get(architecture, frozenset()) if cores else frozenset()
    return described(architecture, linux_model(first), flags, answered, "/proc/cpuinfo")


def linux_model(first: Mapping[str, str]) -> str:
    """The first core's name; Arm's kernel gives numbers in its place."""
    for name in ("model name", "Model", "Hardware"):
        if first.get(name):
            return first[name]
    if "CPU part" in first:
        maker = first.get("CPU implementer", "?")
        return f"implementer {maker}, part {first['CPU part']}"
    return "unknown"


def from_sysctl(source: Source) -> Cpu:
    """The CPU of the text that `sysctl hw.optional machdep.cpu` prints."""
    architecture = architecture_of(source.machine)
    facts = dict(fields(source.text))
    model = facts.get("machdep.cpu.brand_string", "unknown")
    if architecture == "x86":
        lists = ("features", "leaf7_features", "extfeatures")
        words = " ".join(facts.get(f"machdep.cpu.{name}", "") for name in lists)
        listed = "machdep.cpu.leaf7_features" in facts
        answered = LOW["x86"] if listed else frozenset()
        flags = frozenset(words.lower().split())
    else:
        answers = dict(apple_flags(facts))
        answered = frozenset(answers)
        flags = frozenset(flag for flag, present in answers.items() if present)
    return described(architecture, model, flags, answered, "sysctl")


def apple_flags(facts: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Each hw.optional.arm.FEAT_* as Linux's flags, with yes or no."""
    prefix = "hw.optional.arm.FEAT_"
    for name, value in facts.items():
        if name.startswith(prefix):
            feature = name.removeprefix(prefix).lower()
            for flag in APPLE.get(feature, (feature,)):
                yield flag, value == "1"


def from_windows(source: Source) -> Cpu:
    """The CPU by IsProcessorFeaturePresent.

    Only a yes is an answer: Windows also says 0 where it does not know a feature, and
    it has no question for avx512_bf16, avx512_fp16 and AMX.
    """
    facts = dict(fields(source.text))
    present = [names for key, (_, names) in WINDOWS.items() if facts.get(key) == "1"]
    flags = frozenset(flag for names in present for flag in names)
    return described(
        architecture_of(source.machine),
        facts.get("ProcessorNameString", "unknown"),
        flags,
        flags,
        "IsProcessorFeaturePresent",
    )


READERS: Mapping[str, Callable[[Source], Cpu]] = {
    "Linux": from_cpuinfo,
    "Darwin": from_sysctl,
    "Windows": from_windows,
}


def this_machine() -> Source:
    """Ask the operating system that this process runs on."""
    system = platform.system()
    ask = {"Linux": ask_linux, "Darwin": ask_macos, "Windows": ask_windows}.get(system)
    return Source(system, platform.machine(), ask() if ask else "")


def ask_linux() -> str:
    """The text of /proc/cpuinfo, empty where it can't be read."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def ask_macos() -> str:
    """What sysctl prints of the CPU, empty where it can't be run."""
    import subprocess

    command = ["/usr/sbin/sysctl", "hw.optional", "machdep.cpu"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def ask_windows() -> str:
    """The CPU's name in the registry and the answers of IsProcessorFeaturePresent."""
    lines: list[str] = []
    if sys.platform == "win32":
        import contextlib
        import ctypes
        import winreg

        present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        lines = [f"{name}: {int(present(n) != 0)}" for name, (n, _) in WINDOWS.items()]
        place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        with (
            contextlib.suppress(OSError),
            winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key,
        ):
            model, _ = winreg.QueryValueEx(key, "ProcessorNameString")
            lines.append(f"ProcessorNameString: {model.strip()}")
    return "\n".join(lines)
