"""Python processes that have a framework imported already: forks of one that did no more.

A conversion is three processes, and most of its time is spent importing the framework in
each. Here, `python -m narrowcast ...` and every process that multiprocessing spawns are
forks of a reserve: a Python that imported the framework, ran nothing and waits. What they
share with it is code; each is a process of its own otherwise, with the arguments, folder,
variables, streams and signal mask that it was given, and nothing of its parent.

Only what is imported when differs from newly started processes. So those are started in
the night (`SWEEP`), where there is more than one framework or no Linux, with variables
that a framework might read as it is imported, and in every test that asks for a Python
without narrowcast (`python -c`).
"""

from __future__ import annotations

import ctypes
import io
import json
import multiprocessing.util
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

IMPORTED = {
    "torch": ("torch", "torch.export", "torch._dynamo", "torch._export.serde.serialize"),
    "tensorflow": ("tensorflow", "keras"),
    "mxnet": ("mxnet", "mxnet.gluon"),
}
"""What tells that a framework is installed → what the reserve imports."""

HARMLESS = (
    *("FORCE_", "NARROWCAST_", "PYTEST_", "TMPDIR", "COLUMNS", "OMP_NUM_THREADS"),
    *("TORCHINDUCTOR_CACHE_DIR", "TF2_BEHAVIOR", "TPU_ML_PLATFORM", "ENABLE_RUNTIME"),
    *("HDF5_PLUGIN_PATH", "MXNET_SUBGRAPH_"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "TF_SET_ONEDNN_FPMATH_MODE"),
)
"""Begin the names of variables that no framework reads while it is imported, or sets."""

BYTES, FDS = 200_000, 64
SUBREAPER, DIES_WITH_PARENT = 36, 1  # of prctl


@dataclass(frozen=True)
class Command:
    """What a process is to be.

    Attributes:
        argv: As Python's command line has it, without the Python.
        fds: Numbers of the descriptors that it has.
        blocked: Signals.
        tied: It is killed when its parent ends.
    """

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    fds: Sequence[int]
    blocked: Sequence[int]
    tied: bool = False


@dataclass(frozen=True)
class Reserve:
    """One that waits, as a child of this process, and what it was started with."""

    connection: socket.socket
    env: Mapping[str, str]

    def takes(self, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        """Whether a fork of it does as well as a newly started Python."""
        differing = {*env.items()} ^ {*self.env.items()}
        plain = all(name.startswith(HARMLESS) for name, _value in differing)
        threads = env.get("OMP_NUM_THREADS", "1") == "1"
        return plain and threads and (argv[0] in ("-c", "-m") or argv[0][0] != "-")

    def start(self, command: Command, fds: Sequence[int]) -> int:
        """Id of a new child of this process."""
        data = json.dumps(command.__dict__).encode()
        socket.send_fds(self.connection, [data], fds)
        return int(self.connection.recv(BYTES))


def run(
    arguments: Sequence[str | Path],
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` of this Python, with what it writes captured as text."""
    argv = [str(each) for each in arguments]
    variables = dict(os.environ if env is None else env)
    held = reserve()
    if held is None or argv[0] == "-c" or not held.takes(argv, variables):
        return subprocess.run(
            [sys.executable, *argv],
            cwd=cwd,
            env=variables,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    folder = os.path.abspath(cwd or os.getcwd())
    command = Command(argv, folder, variables, (0, 1, 2), ())
    with (
        open(os.devnull) as none,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as error,
    ):
        pid = held.start(command, [file.fileno() for file in (none, out, error)])
        code = _ended(pid, timeout, [sys.executable, *argv])
        said = []
        for file in (out, error):
            file.seek(0)
            said.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess([sys.executable, *argv], code, *said)


def _ended(pid: int, timeout: float | None, command: list[str]) -> int:
    """Its exit code, as `subprocess` gives it."""
    ended = os.pidfd_open(pid)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    done: list[Any] = []
    try:
        done = waiting.poll(None if timeout is None else timeout * 1000)
    finally:
        os.close(ended)
        if not done:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if not done:
        raise subprocess.TimeoutExpired(command, timeout or 0.0)
    return os.waitstatus_to_exitcode(status)


def spawned() -> None:
    """Let what multiprocessing spawns in this process be forks of the reserve too."""
    if _framework() is not None:
        multiprocessing.util.spawnv_passfds = _spawn


@cache
def _framework() -> str | None:
    """The one that is installed, where processes may be forks."""
    found = [name for name in IMPORTED if find_spec(name)]
    forks = sys.platform == "linux" and "SWEEP" not in os.environ
    return found[0] if forks and len(found) == 1 else None


_reserves: list[Reserve] = []


def reserve() -> Reserve | None:
    """That of this process, which is started with the first use."""
    framework = _framework()
    if not _reserves and framework is not None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        variables = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), *IMPORTED[framework]],
            env=variables,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        _prctl(SUBREAPER, 1)
        _reserves.append(Reserve(ours, variables))
    return _reserves[0] if _reserves else None


_newly_spawned = multiprocessing.util.spawnv_passfds
_exec = os.execv


def _spawn(path: Any, arguments: Sequence[Any], fds: Sequence[int]) -> int:
    """In place of multiprocessing's own, which starts its resource tracker so too."""
    argv = [os.fsdecode(each) for each in arguments[1:]]
    argv = argv[1:] if argv[0] == "-B" else argv
    held = reserve()
    env = dict(os.environ)
    if held is None or argv[-1] != "--multiprocessing-fork" or not held.takes(argv, env):
        return _newly_spawned(path, arguments, fds)
    numbers = sorted({0, 1, 2, *fds})
    blocked = [int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
    return held.start(Command(argv, os.getcwd(), env, numbers, blocked), numbers)


def _become(path: str, arguments: Sequence[str]) -> NoReturn:
    """In place of `os.execv`: this process waits for what takes its place."""
    argv, held, env = list(arguments[1:]), reserve(), dict(os.environ)
    if held is None or path != sys.executable or not held.takes(argv, env):
        _exec(path, arguments)
    pid = held.start(Command(argv, os.getcwd(), env, (0, 1, 2), (), True), (0, 1, 2))
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def _serve(connection: socket.socket) -> Command:
    """Fork once for each command; returns in what is to do it, a child of who asked."""
    while True:
        data, fds, _flags, _address = socket.recv_fds(connection, BYTES, FDS)
        if not data:
            os._exit(0)
        command = Command(**json.loads(data))
        ended, pid = os.pipe()
        between = os.fork()
        if between:
            os.close(pid)
            os.waitpid(between, 0)  # so that its child is an orphan, whom we adopted
            connection.send(os.read(ended, 32))
            for fd in (*fds, ended):
                os.close(fd)
            continue
        between = os.getpid()
        child = os.fork()
        if child:
            os.write(pid, str(child).encode())
            os._exit(0)
        while os.getppid() == between:
            select.select((), (), (), 0.0005)
        connection.close()
        os.close(ended)
        os.close(pid)
        _take(fds, command.fds)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            ours.close()
            _leave(command.fds)
            connection = theirs
            continue
        theirs.close()
        _reserves.append(Reserve(ours, dict(os.environ)))
        return command


def _take(fds: Sequence[int], numbers: Sequence[int]) -> None:
    """Give descriptors the numbers that they have where they come from."""
    above = max(*numbers, *fds) + 1
    held = [os.dup2(fd, above + k) for k, fd in enumerate(fds)]
    for fd in fds:
        os.close(fd)
    for fd, number in zip(held, numbers, strict=True):
        os.dup2(fd, number)
        os.close(fd)


def _leave(numbers: Sequence[int]) -> None:
    """What a reserve must not hold open."""
    none = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        if number > 2:
            os.close(number)
        else:
            os.dup2(none, number)
    os.close(none)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _do(command: Command) -> None:
    """Be that Python, up to its end."""
    if command.tied:
        _prctl(DIES_WITH_PARENT, signal.SIGKILL)
    _prctl(SUBREAPER, 1)
    multiprocessing.util.spawnv_passfds, os.execv = _spawn, _become
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, command.blocked)
    _reopen()
    os.chdir(command.cwd)
    os.environ.clear()
    os.environ.update(command.env)
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    first, *rest = command.argv
    if first == "-m":
        sys.path[0] = command.cwd
        sys.argv = [first, *rest[1:]]
        runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]
        return
    if first == "-c":
        sys.path[0], name, text = "", "<string>", rest.pop(0)
        sys.argv = [first, *rest]
    else:
        sys.path[0], name = os.path.dirname(os.path.realpath(first)), first
        text = Path(first).read_text("utf-8")
        main.__file__ = first
        sys.argv = [first, *rest]
    exec(compile(text, name, "exec"), main.__dict__)


def _reopen() -> None:
    """Streams know of the files that were behind them as they were opened."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        before = getattr(sys, name)
        raw = open(number, f"{mode}b", closefd=False)
        stream = io.TextIOWrapper(
            raw,
            encoding=before.encoding,
            errors=before.errors,
            line_buffering=name == "stderr" or raw.isatty(),
            write_through=before.write_through,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _main(connection: int, *modules: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in modules:
        with suppress(ImportError):
            import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{modules} started {threads - 1} threads"
    _do(_serve(socket.socket(fileno=connection)))


if __name__ == "__main__":
    sys.modules["warm"] = sys.modules["__main__"]
    _main(int(sys.argv[1]), *sys.argv[2:])
