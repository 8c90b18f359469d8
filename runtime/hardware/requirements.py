"""What a script needs of the framework and the machine, checked before the model.

The system's flags and the framework's answer must agree (`instructions` has the rules).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from ..common.errors import RequirementError
from ..common.version import installing
from ..graph.graph import Precision
from .answers import FRAMEWORKS, Answer, Device, FrameworkAnswer
from .cpu import Cpu, read_cpu
from .instructions import (
    CPU_FLAGS,
    CUDA_CAPABILITY,
    found_flags,
    needed_flags,
    spelled,
    undecided,
)
from .missing import Missing, missing_beside, missing_compiler
from .versions import framework_version, installed_version, release, required


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a script needs before it may touch the model.

    Attributes:
        framework: Distribution and its versions, "torch>=2.10,<3".
        precision: The 16-bit precision; fp32 needs only the framework.
        device: Where the model runs.
        compiler: Whether the model is compiled, which takes a C++ compiler.
        beside: Other distributions that the conversion takes, as `framework`.
    """

    framework: str
    precision: Precision
    device: Device = "cpu"
    compiler: bool = False
    beside: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        return required(self.framework)[0]

    @property
    def title(self) -> str:
        """The framework's name for people."""
        known = FRAMEWORKS.get(self.distribution)
        return known.title if known else self.distribution

    @property
    def installing(self) -> str:
        """What installs the framework."""
        known = FRAMEWORKS.get(self.distribution)
        return installing(known.extra) if known else f"pip install '{self.framework}'"

    @property
    def executes(self) -> bool:
        """Whether the framework runs the model here, which takes the hardware."""
        known = FRAMEWORKS.get(self.distribution)
        return known is None or known.executes

    @property
    def force(self) -> str:
        """The environment variable that turns what is missing into a warning."""
        return f"FORCE_{self.precision.upper()}"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the check found, for the plan and the report.

    Attributes:
        cpu: As the operating system describes it.
        framework: Distribution and installed version, "torch 2.13.0+cpu".
        is_target: False if the check was forced, or if nothing is executed here:
            nothing may then be timed.
        warnings: What was missing and forced; the caller prints them on stderr.
        cuda: The CUDA device that was asked for, with its capability; else "".
    """

    cpu: Cpu
    framework: str
    is_target: bool
    warnings: tuple[str, ...]
    cuda: str = ""


def require(
    requirements: Requirements,
    environ: Mapping[str, str],
    answer: FrameworkAnswer,
    *,
    cpu: Cpu | None = None,
    installed: Callable[[str], str | None] = installed_version,
) -> Machine:
    """Check this machine, before the model is touched.

    Args:
        environ: Holds FORCE_BF16 and FORCE_FP16, which count if they are "1".
        answer: Asks the framework; called only if nothing else is missing.
        cpu: In place of this machine's.
        installed: Distribution → version, None if it is not installed.

    Raises:
        RequirementError: Names everything that is missing, and what to do.
    """
    cpu = read_cpu() if cpu is None else cpu
    version = framework_version(requirements.distribution, installed)
    answer, asked = cache(answer), (requirements.precision, requirements.device)
    lacks = missing(requirements, cpu, version, answer)
    if requirements.compiler:
        lacks += missing_compiler(environ)
    lacks += missing_beside(requirements.beside, installed)
    needs_device = requirements.executes and requirements.device != "cpu"
    forced = environ.get(requirements.force) == "1"
    if not all(lack.forcible and forced for lack in lacks):
        raise refusal(requirements, lacks, environ)
    return Machine(
        cpu=cpu,
        framework=f"{requirements.distribution} {version}",
        is_target=requirements.executes and not lacks,
        warnings=tuple(
            f"{requirements.force}=1: going on, although {lack.text} "
            "This machine is not the target: nothing is timed on it."
            for lack in lacks
        ),
        cuda=answer(*asked).said if needs_device else "",
    )


def missing(
    requirements: Requirements, cpu: Cpu, installed: str | None, answer: FrameworkAnswer
) -> tuple[Missing, ...]:
    """Everything that is missing: the framework, the CPU's flags, then its answer.

    Args:
        installed: Version of the framework, None if it is not installed.
        answer: Called only if nothing else is missing, since it imports the framework.
    """
    precision, device = requirements.precision, requirements.device
    low, on_cpu = precision in CPU_FLAGS, device == "cpu"
    lacks = missing_framework(requirements, installed)
    if not requirements.executes:
        return lacks
    if low and on_cpu:
        lacks += missing_flags(requirements, cpu)
    if low and not lacks:
        said = answer(precision, device)
        lacks = (
            missing_answer(requirements, cpu, said)
            if on_cpu
            else missing_capability(requirements, said)
        )
    return lacks


def missing_framework(
    requirements: Requirements, installed: str | None
) -> tuple[Missing, ...]:
    """Whether the framework is installed, recent enough and not too new."""
    title, change = requirements.title, "Upgrade it"
    _distribution, lowest, below = required(requirements.framework)
    wanted = f"{title} {lowest} or later" if lowest else title
    if installed is None:
        remedy = f"Install it: {requirements.installing}"
        return (Missing(f"{wanted} is not installed.", remedy),)
    have = release(installed)
    if have is None:
        text = f"{wanted} is needed; the installed one calls itself {installed!r}."
    elif have < (release(lowest) or ()):
        text = f"{wanted} is needed; {installed} is installed."
    elif below and have >= (release(below) or ()):
        text = f"{title} before {below} is needed; {installed} is installed."
        change = "Install an earlier one"
    else:
        return ()
    remedy = f"{change}: pip install '{requirements.framework}'"
    low = requirements.precision in CPU_FLAGS
    if low:
        remedy += (
            f", or set {requirements.force}=1 to convert with this one all the same, "
            "if it can; nothing is timed then."
        )
    return (Missing(text, remedy, forcible=low),)


def missing_flags(requirements: Requirements, cpu: Cpu) -> tuple[Missing, ...]:
    """Whether the operating system reports flags that suffice."""
    precision = requirements.precision
    if found_flags(precision, cpu):
        return ()
    needed = spelled(needed_flags(precision, cpu))
    if not needed:
        text = f"{precision} has no known instructions on {cpu.architecture}."
    elif undecided(precision, cpu):
        text = f"{cpu.source} does not tell whether the CPU ({cpu.model}) has {needed}."
    else:
        text = f"the CPU ({cpu.model}) lacks {needed}, says {cpu.source}."
    return (Missing(text, force_remedy(requirements), forcible=True),)


def missing_answer(
    requirements: Requirements, cpu: Cpu, said: Answer
) -> tuple[Missing, ...]:
    """Whether the framework agrees with the operating system, which said yes."""
    if said.supported:
        return ()
    if said.remedy:
        return (useless(requirements, said),)
    found = spelled(found_flags(requirements.precision, cpu)[:1])
    text = (
        f"{cpu.source} and {requirements.title} disagree: the CPU ({cpu.model}) has "
        f"{found}, but {said.said}."
    )
    return (Missing(text, force_remedy(requirements), forcible=True),)


def useless(requirements: Requirements, said: Answer) -> Missing:
    """What FORCE_* can't make up for."""
    where = "on any machine" if said.anywhere else "on this machine, forced or not"
    return Missing(f"{requirements.title} can't {where}: {said.said}.", said.remedy)


def missing_capability(requirements: Requirements, said: Answer) -> tuple[Missing, ...]:
    """Whether there is a CUDA device, and whether its capability suffices."""
    if not said.supported or said.capability is None:
        text = f"{requirements.title} finds no CUDA device: {said.said}."
        return (Missing(text, "Run where a CUDA device is, or with `device: cpu`."),)
    major, minor = CUDA_CAPABILITY[requirements.precision]
    if said.capability >= (major, minor):
        return ()
    text = (
        f"{requirements.precision} needs CUDA compute capability {major}.{minor}; "
        f"{said.said}."
    )
    return (Missing(text, force_remedy(requirements), forcible=True),)


def refusal(
    requirements: Requirements, lacks: tuple[Missing, ...], environ: Mapping[str, str]
) -> RequirementError:
    """The error that lists what is missing, and each remedy once."""
    title, device = requirements.title, requirements.device
    lines = [f"{requirements.precision} is not possible here ({title} on {device}):"]
    lines += [lack.text for lack in lacks]
    value = environ.get(requirements.force, "")
    if value not in {"", "0", "1"}:
        lines.append(f"{requirements.force} is {value!r}; only 1 forces.")
    remedies = dict.fromkeys(lack.remedy for lack in lacks)
    return RequirementError("\n  - ".join(lines), "\n  ".join(remedies))


def force_remedy(requirements: Requirements) -> str:
    """What to do where the hardware does not compute in the precision."""
    return (
        f"Run on a machine that has it, or set {requirements.force}=1 to convert here "
        "all the same; nothing is timed then."
    )
