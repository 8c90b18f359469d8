"""MXNet itself, or what keeps it from being imported."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from ....common.errors import RequirementError
from ...imported import imported


def _mxnet() -> Any:
    """The module mxnet.

    Raises:
        RequirementError: It is not installed, or its import fails: MXNet 1.9 uses names
            that NumPy 1.24 removed.
    """
    # Each bind would say that it fuses, on stderr.
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")
    try:
        return imported("mxnet", "MXNet", "mxnet")
    except RequirementError as error:
        newer = tuple(map(int, np.__version__.split(".")[:2])) >= (1, 24)
        if not newer or getattr(error.__cause__, "name", "") == "mxnet":
            raise
        raise RequirementError(
            f"{error.message}. MXNet 1.9 needs NumPy before 1.24; {np.__version__} is "
            "installed.",
            "Give MXNet an environment of its own: pip install 'numpy<1.24'",
        ) from error


mx = _mxnet()

SEED = 0


def restart_random() -> None:
    """Let MXNet's random numbers, the one state that its models have, start over."""
    mx.random.seed(SEED)


def said_by(error: Exception) -> str:
    """What MXNet's error says, without the places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else type(error).__name__
    text = PLACE.sub("", last.removeprefix("MXNetError: ")).replace(
        "Check failed: ", ""
    )
    return text.rstrip(": ")[:LONGEST]


PLACE = re.compile(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ")
"""When and where in MXNet's source."""

LONGEST = 200
