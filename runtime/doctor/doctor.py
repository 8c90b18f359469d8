"""What this machine can do: the operating system's word and each framework's own.

The verdicts are those of `requirements`, so that `doctor` and a script never differ.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from ..common.version import VERSION, installing
from ..graph.graph import Precision
from ..hardware.answers import FRAMEWORKS, Device
from ..hardware.cpu import Cpu, read_cpu
from ..hardware.instructions import (
    CPU_FLAGS,
    found_flags,
    needed_flags,
    spelled,
    undecided,
    without_int8,
)
from ..hardware.requirements import Requirements, missing
from ..hardware.versions import framework_version, installed_version
from .interview import Asked, ask


@dataclass(frozen=True, slots=True)
class Flags:
    """What the operating system says of one precision on the CPU.

    Attributes:
        found: The flags that suffice and that the CPU has, "" if none.
        needed: Flags that would do, "" on an architecture without a rule.
        undecided: Whether the system leaves it open.
    """

    precision: Precision
    found: str
    needed: str
    undecided: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a script may convert to a precision, and what speaks against it.

    Attributes:
        said: The framework's own answer, "" if it gave none.
        reasons: What is missing, as `require` would put it; empty for yes.
    """

    precision: Precision
    device: Device
    said: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """One framework.

    Attributes:
        title: Its name for people.
        version: None if it is not installed.
        executes: Whether it runs models here.
        install: The command that installs it.
        devices: CUDA devices that it sees, with compute capability.
        problem: Why it could not be asked, "" if it could.
    """

    title: str
    version: str | None
    executes: bool
    install: str
    devices: tuple[str, ...]
    problem: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `doctor` prints."""

    narrowcast: str
    python: str
    system: str
    cpu: Cpu
    flags: tuple[Flags, ...]
    frameworks: tuple[Examined, ...]
    forced: tuple[tuple[str, str], ...]


def examine(
    cpu: Cpu | None = None,
    environ: Mapping[str, str] = os.environ,
    installed: Callable[[str], str | None] = installed_version,
    asking: Callable[[str], Asked] = ask,
) -> Report:
    """Examine this machine, or the one that the arguments describe.

    Args:
        installed: Distribution → version, None if it is not installed.
        asking: Distribution → what the framework says; `ask` starts a child process.
    """
    cpu = read_cpu() if cpu is None else cpu
    forced = [f"FORCE_{precision.upper()}" for precision in CPU_FLAGS]
    return Report(
        narrowcast=VERSION,
        python=f"{platform.python_version()} ({sys.executable})",
        system=platform.platform(),
        cpu=cpu,
        flags=tuple(flags_of(each, cpu) for each in (*CPU_FLAGS, Precision.INT8)),
        frameworks=tuple(
            examine_framework(name, cpu, framework_version(name, installed), asking)
            for name in FRAMEWORKS
        ),
        forced=tuple((name, environ[name]) for name in forced if name in environ),
    )


def flags_of(precision: Precision, cpu: Cpu) -> Flags:
    """What the operating system says of the precision."""
    found = frozenset().union(*found_flags(precision, cpu))
    return Flags(
        precision,
        ", ".join(sorted(found)),
        spelled(needed_flags(precision, cpu)),
        undecided(precision, cpu),
    )


def examine_framework(
    distribution: str, cpu: Cpu, version: str | None, asking: Callable[[str], Asked]
) -> Examined:
    """Ask one framework, if it is installed, and judge by `requirements`' rules."""
    framework = FRAMEWORKS[distribution]
    runs = version is not None and framework.executes
    asked = asking(distribution) if runs else Asked({})
    needed = f"{distribution}>={framework.lowest}"
    return Examined(
        title=framework.title,
        executes=framework.executes,
        version=version,
        install=installing(framework.extra),
        devices=asked.devices,
        problem=asked.problem,
        verdicts=tuple(
            judge(Requirements(needed, precision, device), cpu, version, asked)
            for device in framework.devices
            for precision in CPU_FLAGS
            if framework.executes
        ),
    )


def judge(
    requirements: Requirements, cpu: Cpu, version: str | None, asked: Asked
) -> Verdict:
    """The verdict on one precision and device."""
    precision, device = requirements.precision, requirements.device
    if asked.problem:
        return Verdict(
            precision, device, "", (f"{requirements.title} {asked.problem}.",)
        )
    lacks = missing(requirements, cpu, version, lambda p, d: asked.answers[p, d])
    own = asked.answers.get((precision, device))
    reasons = tuple(lack.text for lack in lacks)
    return Verdict(precision, device, own.said if own else "", reasons)


def render(report: Report) -> str:
    """The report as plain text, one fact a line."""
    cpu = report.cpu
    lines = [
        f"narrowcast {report.narrowcast}",
        f"Python     {report.python}",
        f"System     {report.system}",
        f"CPU        {cpu.model} ({cpu.architecture})",
        *(
            f"  {flags.precision}     {flags_line(flags, cpu)}"
            for flags in report.flags
        ),
    ]
    for framework in report.frameworks:
        lines += ["", *framework_lines(framework)]
    forced = f"Forced     {forced_line(report.forced)}"
    return "\n".join([*lines, "", forced, ""])


def flags_line(flags: Flags, cpu: Cpu) -> str:
    """What the operating system says of a precision, on one line."""
    if flags.found:
        return f"yes: {cpu.source} shows {flags.found}"
    if not flags.needed:
        return f"no: no instructions are known on {cpu.architecture}"
    if flags.undecided:
        return f"unknown: {cpu.source} does not tell; {flags.needed} is needed"
    no = f"no: {cpu.source} does not show {flags.needed}"
    if flags.precision is Precision.INT8:
        return f"{no}; {without_int8(cpu)}"
    return no


def framework_lines(framework: Examined) -> list[str]:
    """A framework's version, devices and verdicts."""
    if framework.version is None:
        return [f"{framework.title:10} not installed: {framework.install}"]
    lines = [f"{framework.title:10} {framework.version}"]
    if not framework.executes:
        return [*lines, "  writes files for runtimes elsewhere; executes nothing here"]
    if framework.problem:
        return [*lines, f"  {framework.title} {framework.problem}."]
    for verdict in framework.verdicts:
        yes = "no" if verdict.reasons else "yes"
        lines.append(f"  {verdict.precision} on {verdict.device}: {yes}")
        if verdict.said and not any(verdict.said in why for why in verdict.reasons):
            lines.append(f"    {verdict.said}")
        lines += [f"    {why}" for why in verdict.reasons]
    return [*lines, *(f"  CUDA device: {device}" for device in framework.devices)]


def forced_line(forced: tuple[tuple[str, str], ...]) -> str:
    """The FORCE_* variables that are set, and what they do."""
    effects = {"1": "missing hardware is only a warning"}
    settings = [
        f"{name}={value} ({effects.get(value, 'no effect; only 1 counts')})"
        for name, value in forced
    ]
    return ", ".join(settings) or "nothing (FORCE_BF16, FORCE_FP16 are not set)"


def to_json(report: Report) -> str:
    """The report as JSON, its keys in the order of the dataclasses."""
    return json.dumps(asdict(report), indent=2, default=sorted)
