"""From what `--on` says to an engine."""

from __future__ import annotations

import re

from ..common.errors import UsageError
from .engine import Engine

DASK = re.compile(r"dask://(?P<address>\[?[\w.:-]+\]?:\d+)/?")
RAY = re.compile(r"ray|(?P<address>ray://\[?[\w.:-]+\]?:\d+)/?")


def check_engine(on: str) -> str:
    """What `--on` says, if it names an engine.

    Raises:
        UsageError: It doesn't.
    """
    if DASK.fullmatch(on) or RAY.fullmatch(on):
        return on
    raise UsageError(
        f"--on {on} names no engine", "Write dask://HOST:PORT, ray or ray://HOST:PORT."
    )


def opened(on: str) -> Engine:
    """The engine that `--on` names.

    Raises:
        UsageError: It names none.
        RequirementError: Its package is missing, or nothing answers there.
    """
    check_engine(on)
    if found := DASK.fullmatch(on):
        from . import dask

        return dask.connected(found["address"])
    from . import ray

    given = RAY.fullmatch(on)
    return ray.connected(given["address"] if given else None)
