"""What the reserve does: import, wait, and be forked. Run as a script."""

from __future__ import annotations

import io
import json
import multiprocessing.process
import os
import runpy
import signal
import socket
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

sys.path[0] = str(Path(__file__).parents[1])

from warm.replaced import replaced, spawned  # noqa: E402
from warm.reserve import (  # noqa: E402
    DIES_WITH_PARENT,
    LARGEST,
    MOST,
    Command,
    hold,
    prctl,
)


def main(connection: int, *modules: str) -> None:
    """Wait as a Python that imported these; end as one that did what it was asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules:
        import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, "a fork has no more than one"
    command = _asked(socket.socket(fileno=connection))
    _do(command)


def _asked(connection: socket.socket) -> Command:
    """Fork for each command. Returns in the forks: each a child of the one that asked,
    with a reserve of its own."""
    while True:
        data, fds, _flags, _address = socket.recv_fds(connection, LARGEST, MOST)
        if not data:
            os._exit(0)
        command = Command(**json.loads(data))
        told, tell = os.pipe()
        if between := os.fork():
            os.close(tell)
            # Once it has ended, its child is an orphan, whom the one that asked adopts.
            os.waitpid(between, 0)
            connection.send(os.read(told, 32))
            for fd in (*fds, told):
                os.close(fd)
            continue
        between = os.getpid()
        if child := os.fork():
            os.write(tell, str(child).encode())
            os._exit(0)
        while os.getppid() == between:
            time.sleep(0.0005)
        connection.close()
        for fd in (told, tell):
            os.close(fd)
        _take(fds, command.fds)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork():
            theirs.close()
            hold(ours, dict(os.environ))
            return command
        ours.close()
        _let_go(command.fds)
        connection = theirs


def _take(fds: Sequence[int], numbers: Sequence[int]) -> None:
    """Give descriptors the numbers that they have where they come from."""
    above = max(*numbers, *fds) + 1
    held = [os.dup2(fd, above + k) for k, fd in enumerate(fds)]
    for fd in fds:
        os.close(fd)
    for fd, number in zip(held, numbers, strict=True):
        os.dup2(fd, number)
        os.close(fd)


def _let_go(numbers: Sequence[int]) -> None:
    """A reserve holds nothing open that others wait for the end of."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        if number > 2:
            os.close(number)
        else:
            os.dup2(nothing, number)
    os.close(nothing)


def _do(command: Command) -> None:
    """Be that Python; what it raises ends this one."""
    if command.tied:
        prctl(DIES_WITH_PARENT, signal.SIGKILL)
    spawned()
    replaced()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, command.blocked)
    _reopen()
    os.chdir(command.cwd)
    multiprocessing.process.ORIGINAL_DIR = command.cwd
    os.environ.clear()
    os.environ.update(command.env)
    first, *rest = command.argv
    module = sys.modules["__main__"] = ModuleType("__main__")
    if first == "-m":
        sys.path[0], sys.argv = command.cwd, [first, *rest[1:]]
        runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]
        return
    if first == "-c":
        sys.path[0], sys.argv = "", [first, *rest[1:]]
        code = compile(rest[0], "<string>", "exec")
    else:
        sys.path[0], sys.argv = str(Path(first).resolve().parent), [first, *rest]
        module.__file__ = first
        code = compile(Path(first).read_bytes(), first, "exec")
    exec(code, module.__dict__)


def _reopen() -> None:
    """Streams know of the files that were behind them as they were opened."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        mode = "rb" if name == "stdin" else "wb"
        raw = open(number, mode, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            raw,
            encoding=before.encoding,
            errors=before.errors,
            line_buffering=name == "stderr" or raw.isatty(),
            write_through=before.write_through,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
