"""Dask's scheduler as an engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from ..common.errors import RequirementError, first_line
from .engine import Engine

P = ParamSpec("P")
T = TypeVar("T")

WAITED = 15
"""Seconds for the scheduler's answer."""


class OnDask(Engine):
    """Each call is a task; its scheduler begins those anew whose worker died."""

    title = "Dask"

    def __init__(self, client: Any) -> None:
        self._client = client
        self._tasks = client.get_executor(pure=False)

    @property
    def workers(self) -> int:
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        found: Future[T] = self._tasks.submit(fn, *args, **kwargs)
        return found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._tasks.shutdown(wait=wait and not cancel_futures)
        self._client.close()


def connected(address: str) -> Engine:
    """The scheduler at HOST:PORT.

    Raises:
        RequirementError: Dask is not installed, or nothing answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise RequirementError(
            f"--on dask://{address} needs Dask: {first_line(error)}",
            "pip install 'distributed>=2024.1'",
        ) from error
    try:
        return OnDask(Client(f"tcp://{address}", timeout=WAITED, set_as_default=False))
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError
        raise RequirementError(
            f"no Dask scheduler answers at {address}: {first_line(error)}",
            "Start one with `dask scheduler`, and workers with `dask worker`.",
        ) from error
