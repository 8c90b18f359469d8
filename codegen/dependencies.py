"""What a generated script needs installed: one table per framework."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from narrowcast import __version__
from narrowcast.spec import Spec


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework as scripts name it.

    Attributes:
        title: Its name for people.
        extra: narrowcast's extra.
        lowest: Requirement that the script checks before it starts.
        pin: Compatible release for the PEP 723 block.
    """

    title: str
    extra: str
    lowest: str
    pin: str


FRAMEWORKS = MappingProxyType(
    {"pytorch": Framework("PyTorch", "pytorch", "torch>=2.10", "torch~=2.13")}
)

PYTHON = ">=3.11"

SAFETENSORS = "safetensors~=0.4"


def is_safetensors(path: str) -> bool:
    """Whether weights are read by the package safetensors."""
    return path.lower().endswith(".safetensors")


def dependencies(spec: Spec) -> tuple[str, ...]:
    """Requirements of a script, for its PEP 723 block."""
    framework = FRAMEWORKS[spec.model.framework]
    major, minor = __version__.split(".")[:2]
    reads = (SAFETENSORS,) if is_safetensors(spec.model.weights or "") else ()
    ours = f"narrowcast[{framework.extra}]=={major}.{minor}.*"
    return (ours, framework.pin, *reads)
