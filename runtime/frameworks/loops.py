"""Which way a run takes through bodies, and when a loop in it counts as endless."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..common.errors import ModelError

Body = TypeVar("Body", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Route(Generic[Body]):
    """Where a run goes, other than where the values send it.

    Attributes:
        forced: Bodies to go into the first time that they are reached, whatever the
            condition says.
        most: Iterations after which a loop is endless; None for no limit.
    """

    forced: frozenset[Body] = frozenset()
    most: int | None = None

    def check(self, iterations: int) -> None:
        """Count along with a loop.

        Raises:
            EndlessLoop: It went on beyond the limit.
        """
        if self.most is not None and iterations > self.most:
            raise EndlessLoop(f"a loop has not ended after {self.most} iterations")


class EndlessLoop(Exception):
    """A loop went on beyond the limit of its route."""


def most_iterations(longest: int) -> int:
    """Iterations beyond which rounding is to blame.

    Args:
        longest: The most that any body took in fp32.
    """
    return 10 * longest + 100


def never_ends(longest: int) -> ModelError:
    """That a converted model loops on and on, where fp32 was done after `longest`."""
    return ModelError(
        "rounding keeps a loop from ending: it takes more than "
        f"{most_iterations(longest)} iterations, in fp32 {longest} were enough",
        "Pin to fp32 what its condition depends on.",
    )
