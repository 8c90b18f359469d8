"""What a search has found out so far, for a run that takes up where another ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..evaluation.evaluation import Evaluation
from ..graph.graph import Placement, Precision
from ..graph.pins import Reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial ended.

    Attributes:
        evaluation: None if it failed.
        failure: Why it failed, in the framework's words.
        elapsed: Seconds from the start of the search to its end.
    """

    evaluation: Evaluation | None
    failure: str = ""
    elapsed: float = 0.0


@dataclass(frozen=True)
class Attempt:
    """A trial that is about to be made.

    Attributes:
        number: Counted over the searches for all precisions, from 1.
        pins: Op id → reason for what is pinned.
    """

    number: int
    low: Precision
    pins: Mapping[str, Reason]
    placement: Placement


class History(Protocol):
    """Where a search writes what it must not find out twice, before it uses it."""

    def remember(self, step: str, make: Callable[[], Any]) -> Any:
        """What an earlier run recorded for this step, else what `make` gives.

        Args:
            step: Names it; one search asks once for each.
            make: Gives plain data: what JSON can hold, infinities too.
        """
        ...

    def trial(self, attempt: Attempt, make: Callable[[], Outcome]) -> Outcome:
        """What an earlier run recorded for this placement, else what `make` gives."""
        ...


class Unrecorded:
    """A history that keeps nothing."""

    def remember(self, step: str, make: Callable[[], Any]) -> Any:
        """What `make` gives."""
        return make()

    def trial(self, attempt: Attempt, make: Callable[[], Outcome]) -> Outcome:
        """What `make` gives."""
        return make()
