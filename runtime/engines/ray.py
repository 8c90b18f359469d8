"""A cluster of Ray's as an engine."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from ..common.errors import RequirementError, first_line
from .engine import Engine

P = ParamSpec("P")
T = TypeVar("T")

AGAIN = 1
"""How often a call is begun anew whose worker died."""


class OnRay(Engine):
    """Each call is a task on one CPU."""

    title = "Ray"

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(max_retries=AGAIN)(_called)

    @property
    def workers(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        found: Future[T] = self._task.remote(fn, args, kwargs).future()
        return found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._ray.shutdown()


def connected(address: str | None) -> Engine:
    """A running cluster, or one of this machine that ends with this process.

    Args:
        address: `ray://HOST:PORT`; None for the one that RAY_ADDRESS names, that runs
            on this machine, or that is started here, whichever comes first.

    Raises:
        RequirementError: Ray is not installed, or nothing answers there.
    """
    try:
        import ray
    except ImportError as error:
        raise RequirementError(
            f"--on {address or 'ray'} needs Ray: {first_line(error)}",
            "pip install 'ray[client]>=2.9'" if address else "pip install 'ray>=2.9'",
        ) from error
    try:
        with _same_signals():
            ray.init(address, log_to_driver=False, logging_level="WARNING")
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        raise RequirementError(
            f"Ray does not answer at {address or 'its address'}: {first_line(error)}",
            "Start it with `ray start --head`, or see what RAY_ADDRESS says.",
        ) from error
    return OnRay(ray)


@contextmanager
def _same_signals() -> Iterator[None]:
    """Ray answers SIGTERM by ending the process: that is not its to decide."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _called(function: Any, arguments: Any, named: Any) -> Any:
    return function(*arguments, **named)


# As in `landing`: it goes as it is, to workers that may have no runtime.
_called.__module__ = "__main__"
