"""What is asked of an engine: an executor that knows how many workers it has."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import Executor


class Engine(Executor):
    """Calls run on its workers, which may be on other machines.

    A call whose worker dies is begun again on another one; where that fails too, its
    future raises what the engine says of it. `shutdown` lets go of the engine, and ends
    what of it was started for this process.

    Attributes:
        title: What it is called in messages.
    """

    title: str

    @property
    @abstractmethod
    def workers(self) -> int:
        """Calls that run at once now, at least 1: an engine may still be growing."""
