"""MXNet itself, or what keeps it from being imported."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ....common.errors import RequirementError

REINSTALL = "Reinstall it, on Python 3.11: pip install 'narrowcast[mxnet]'"


def imported() -> Any:
    """The module mxnet.

    Raises:
        RequirementError: It is not installed, or its import fails: MXNet 1.9 uses names
            that NumPy 1.24 removed.
    """
    # Each bind would say that it fuses, on stderr.
    os.environ.setdefault("MXNET_SUBGRAPH_VERBOSE", "0")
    try:
        import mxnet
    except ModuleNotFoundError as error:
        if error.name != "mxnet":
            raise _broken(error) from error
        raise RequirementError(
            "MXNet is not installed.", "Install it: pip install 'narrowcast[mxnet]'"
        ) from error
    except Exception as error:  # an import can fail in any way
        raise _broken(error) from error
    return mxnet


def _broken(error: Exception) -> RequirementError:
    said = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    text = f"MXNet is installed, but `import mxnet` fails: {said}"
    if tuple(map(int, np.__version__.split(".")[:2])) >= (1, 24):
        return RequirementError(
            f"{text}. MXNet 1.9 needs NumPy before 1.24; {np.__version__} is installed.",
            "Give MXNet an environment of its own: pip install 'numpy<1.24'",
        )
    return RequirementError(text, REINSTALL)


mx = imported()


def said_by(error: Exception) -> str:
    """What MXNet's error says, without the places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else type(error).__name__
    text = last.removeprefix("MXNetError: ").removeprefix("Check failed: ")
    return text.rstrip(": ")[:200]
