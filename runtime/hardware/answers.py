"""The frameworks that can be asked what they compute natively, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from ..graph import Precision

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework that narrowcast has an adapter for.

    Attributes:
        title: Its name for people.
        lowest: The lowest version that the adapter works with.
        extra: narrowcast's extra that installs it.
        adapter: The adapter's package in `frameworks`, which has `answers`.
    """

    title: str
    lowest: str
    extra: str
    adapter: str


FRAMEWORKS: Mapping[str, Framework] = {
    "torch": Framework("PyTorch", lowest="2.10", extra="pytorch", adapter="pytorch"),
}
"""Distribution → framework."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a framework says of one precision on one device of this machine.

    Attributes:
        supported: Its yes or no. For "cuda": whether it can use a device.
        said: The call and its result, for people.
        capability: Compute capability of the CUDA device, if there is one.
    """

    supported: bool
    said: str
    capability: tuple[int, int] | None = None


class FrameworkAnswer(Protocol):
    """Asks the framework, importing it (frameworks/*/answers.py).

    Raises:
        RequirementError: The framework can't be imported.
    """

    def __call__(self, precision: Precision, device: Device, /) -> Answer: ...
