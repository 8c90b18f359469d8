"""The user's main module, which a spawned Python runs again before all else."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import UsageError

MAIN = b"_main__"
"""Ends the names that pickle has for a process's main module, itself begun so or not."""

_hiding = threading.Lock()


def in_main(handed: Any) -> bool:
    """Whether something of what is handed over is found in the user's main module.

    So it is taken to be where pickle alone does not say: locks and pipes go over only
    as a process starts.

    Raises:
        UsageError: It is, and no other process can run that module.
    """
    try:
        found = MAIN in pickle.dumps(handed, pickle.HIGHEST_PROTOCOL)
    except Exception:  # a class can fail to pickle in any way; starting tells of it
        return True
    if found and not _can_run_again(sys.modules["__main__"]):
        raise UsageError(
            "what a new process needs is in a notebook, or in a script that was read "
            "from standard input, where it can't be found again",
            "Put functions and classes into a module, and import them.",
        )
    return found


def _can_run_again(main: ModuleType) -> bool:
    file = getattr(main, "__file__", None)
    return main.__spec__ is not None or (file is not None and Path(file).exists())


@contextmanager
def main_runs_once(needed: bool = False) -> Iterator[None]:
    """Processes that are started inside don't run the user's main module again.

    A spawned Python does, before all else; and a user's script without a guard would
    convert its model there once more. What starts looks for the module that is hidden
    meanwhile.

    Args:
        needed: They must, for what is handed to them is found there.
    """
    main = sys.modules.get("__main__")
    if needed or main is None:
        yield
        return
    with _hiding:
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
