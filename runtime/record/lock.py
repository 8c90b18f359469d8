"""One run at a time where runs would write to the same files.

The lock is the process's own and goes with it, however it ends; the file that it is on
says who has it, and may be left behind by a process that was killed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..common.errors import BusyError, first_line

try:
    import fcntl
except ImportError:  # no such locks on this system: runs aren't kept apart
    fcntl = None  # type: ignore[assignment]

_held: set[Path] = set()
"""A process's lock does not keep itself out."""


def lock_path(folder: Path, name: str) -> Path:
    """The file that who writes models, plan or history called `name` there has locked."""
    return folder / f".{name}.lock"


@contextmanager
def locked(path: Path, note: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock while this lasts.

    Args:
        path: Its file, in a folder that exists.
        note: Told where the file system has no such locks.

    Raises:
        UsageError: Another run has it.
    """
    handle = _taken(path, note) if fcntl else None
    if handle is None:
        yield
        return
    _held.add(path)
    try:
        yield
    finally:
        _held.discard(path)
        path.unlink(missing_ok=True)
        os.close(handle)


def _taken(path: Path, note: Callable[[str], None]) -> int | None:
    """The open file, None where nothing can be locked."""
    if path in _held:
        raise _busy(path, str(os.getpid()))
    try:
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            try:
                if _is_ours(handle, path):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
    except OSError as error:
        note(f"other runs in {path.parent} can't be kept out: {first_line(error)}")
        return None


def _is_ours(handle: int, path: Path) -> bool:
    """Lock an open file; False if its last holder removed it meanwhile.

    Raises:
        BusyError: Another run has it.
        OSError: It is no lock of a run's, and is left alone.
    """
    if not (stat.S_ISREG(os.fstat(handle).st_mode) and _says_who(handle)):
        raise OSError(f"{path.name} is no lock")
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise _busy(path, os.read(handle, 100).decode(errors="replace")) from error
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle), path.stat()):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}".encode())
            return True
    return False


def _says_who(handle: int) -> bool:
    """Whether a file holds what a lock does: a process's number, or nothing yet."""
    content = os.pread(handle, 100, 0)
    return not content or content.isdigit()


def _busy(path: Path, holder: str) -> BusyError:
    name = path.name.removeprefix(".").removesuffix(".lock")
    return BusyError(
        f"another run writes {name} in {path.parent}: process {holder or 'unknown'}",
        "Wait for it or end it, or choose other places with --output and --plan.",
    )


def is_held(path: Path) -> bool:
    """Whether another process has the lock; it is neither taken nor made.

    One that can't be told of is taken for held.
    """
    if path in _held:
        return True
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        if not fcntl:
            return True
        fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
