"""Work in a fresh process: nothing of the search is left in it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from .errors import ModelError

P = ParamSpec("P")
T = TypeVar("T")


def in_fresh_process(
    function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a module-level function in a newly started Python and return its result.

    Raises:
        ModelError: The process died (killed, out of memory).
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise ModelError(
                "the process that opened the saved model died",
                "Most often it ran out of memory: evaluate with a smaller batch_size.",
            ) from error
