"""A script's calls on workers that never ran the script.

What a script hands over is found by name in its main module, which is another one in a
worker. There the script is imported from its own file, once, and what it needs from the
folders that it would find it in: they must be the same for all machines.
"""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, cast
from uuid import uuid4

from ..common.errors import NarrowcastError, UsageError
from ..common.files import sha256
from ..common.version import COPY_OF
from .landing import landed

P = ParamSpec("P")
T = TypeVar("T")

NAME = "narrowcast_script"
"""What the script is called in a worker; its `__main__` there is the engine's."""

COPY = Path(__file__).resolve().parents[1]
"""The runtime's folder; in a copy it is the package itself."""

SHARED = (
    "All machines must find it under the same path: put it on a shared file system."
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where calls come from.

    Attributes:
        script: The script's file.
        sha256: Its hash.
        folders: Where its modules are looked for.
        run: Tells runs apart: modules that users edit are imported anew by each.
    """

    script: Path
    sha256: str
    folders: tuple[str, ...]
    run: str = field(default_factory=lambda: uuid4().hex)


def origin(script: Path) -> Origin:
    """That of this process's run of a script."""
    folders = dict.fromkeys((str(script.parent), os.path.realpath(".")))
    return Origin(script, sha256(script), tuple(folders))


class Shipping(Executor):
    """Another executor, for calls of module-level functions with a script's objects.

    What keeps a call from being made is returned, as the functions do with what fails.
    """

    def __init__(self, carrier: Executor, origin: Origin) -> None:
        self._carrier, self._origin = carrier, origin

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        call = pickle.dumps((fn, args, kwargs), pickle.HIGHEST_PROTOCOL)
        if COPY_OF:
            whole = pickle.dumps((self._origin, call), pickle.HIGHEST_PROTOCOL)
            sent = self._carrier.submit(
                landed, str(COPY.parent), COPY.name, self._origin.run, whole
            )
        else:
            sent = self._carrier.submit(called, self._origin, call)
        return cast(Future[T], sent)


@dataclass
class _Arrived:
    """The run whose script this worker has imported, and what came with it."""

    run: str = ""
    script: ModuleType | None = None
    folders: tuple[str, ...] = ()
    before: frozenset[str] = frozenset()
    turn: threading.Lock = field(default_factory=threading.Lock)


_arrived = _Arrived()


def called(origin: Origin, call: bytes) -> Any:
    """In a worker: make the call, with the script's names in reach."""
    try:
        with _arrived.turn:
            _arrive(origin)
        function, args, kwargs = _Reader(io.BytesIO(call)).load()
    except NarrowcastError as error:
        return error
    return function(*args, **kwargs)


def is_of_another(run: str) -> bool:
    """Whether what was imported here is another run's."""
    return _arrived.run not in ("", run)


class _Reader(pickle.Unpickler):
    """Finds in the script what is in the main module where it was pickled."""

    def find_class(self, module: str, name: str) -> Any:
        own = module in ("__main__", "__mp_main__")
        return super().find_class(NAME if own else module, name)


def _arrive(origin: Origin) -> None:
    """Import the script, unless this run's is there.

    Raises:
        UsageError: This machine doesn't have it.
    """
    if _arrived.run == origin.run:
        return
    leave()
    here = socket.gethostname()
    if not origin.script.is_file():
        raise UsageError(f"worker {here} does not see {origin.script}", SHARED)
    if sha256(origin.script) != origin.sha256:
        raise UsageError(f"worker {here} has another {origin.script}", SHARED)
    _arrived.before, _arrived.folders = frozenset(sys.modules), origin.folders
    sys.path[:0] = origin.folders
    _arrived.script = _imported(origin.script)
    _arrived.run = origin.run


def _imported(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(NAME, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[NAME]
        raise
    return module


def leave() -> None:
    """Forget an earlier run's script and its users' modules, which may have changed."""
    _arrived.run, _arrived.script = "", None
    for folder in _arrived.folders:
        if folder in sys.path:
            sys.path.remove(folder)
    for name in set(sys.modules) - _arrived.before:
        if name == NAME or _is_users(sys.modules[name]):
            del sys.modules[name]
    importlib.invalidate_caches()
    _arrived.folders = ()


def _is_users(module: ModuleType) -> bool:
    """Whether its file is in one of the run's folders, and no package's."""
    file = getattr(module, "__file__", None)
    if not file or module.__name__.partition(".")[0] == "narrowcast":
        return False
    path = Path(file)
    within = any(path.is_relative_to(folder) for folder in _arrived.folders)
    return within and "site-packages" not in path.parts
