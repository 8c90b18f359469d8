"""What the user's code does to its process, and none of it lasts: the random state, the
working directory, and forked processes that come back from it."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .staying import one_process

T = TypeVar("T")

SEED = 1978
"""Neural Compressor's default of `tuning.random_seed`."""


@dataclass(frozen=True)
class RandomState:
    """What `random`, `numpy.random` and, where it was imported, `torch` draw next."""

    python: Any
    numpy: Any
    torch: Any = None

    @classmethod
    def now(cls) -> RandomState:
        """As it is."""
        torch = _torch()
        drawn = None if torch is None else torch.get_rng_state()
        return cls(random.getstate(), np.random.get_state(), drawn)

    def put(self) -> None:
        """Let it be so again."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch = _torch()
        if torch is not None and self.torch is not None:
            torch.set_rng_state(self.torch)


def seeded(make: Callable[[], T]) -> tuple[T, RandomState]:
    """What the user's code makes from seeds that are always the same, and what it would
    draw next."""
    with untouched_and_seeded():
        return make(), RandomState.now()


@contextmanager
def untouched_and_seeded() -> Iterator[None]:
    """As `untouched`; what is drawn meanwhile is the same each time, in any process."""
    with untouched():
        random.seed(SEED)
        np.random.seed(SEED)
        torch = _torch()
        if torch is not None:
            torch.manual_seed(SEED)
        yield


@contextmanager
def untouched() -> Iterator[None]:
    """Give back working directory and random state as they were before."""
    state = RandomState.now()
    try:
        with _in_place():
            yield
    finally:
        state.put()


@contextmanager
def _in_place() -> Iterator[None]:
    """Stay in this folder and in this process."""
    folder = _folder()
    try:
        with one_process():
            yield
    finally:
        if folder and _folder() != folder:
            with suppress(OSError):  # it was removed
                os.chdir(folder)


def drawn_apart(items: Iterator[T], begin: RandomState) -> Iterator[T]:
    """The items, made with a random state of their own, which `begin` is the first of.

    So what a dataset draws is the same in each pass, whatever the model draws
    meanwhile; and the model draws the same, whatever the dataset does.
    """
    own = begin
    while True:
        with untouched():
            own.put()
            try:
                item = next(items)
            except StopIteration:
                return
            own = RandomState.now()
        yield item


def _torch() -> Any:
    """PyTorch, where somebody imported it and was done with that."""
    torch = sys.modules.get("torch")
    return torch if hasattr(torch, "get_rng_state") else None


def _folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return None
