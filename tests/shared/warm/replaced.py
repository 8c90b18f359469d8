"""How processes start others and give them their place, where a reserve is at hand."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .reserve import Command, framework, reserve

_newly_spawned = multiprocessing.util.spawnv_passfds  # type: ignore[attr-defined]
_execv = os.execv


def spawned() -> None:
    """Let what multiprocessing spawns in this process be forks of the reserve."""
    if framework() is not None:
        multiprocessing.util.spawnv_passfds = _spawn  # type: ignore[attr-defined]


def replaced() -> None:
    """Let what takes this process's place be one too."""
    os.execv = _become


def _spawn(path: Any, arguments: Sequence[Any], fds: Sequence[int]) -> int:
    """In place of multiprocessing's own, which starts its resource tracker so too."""
    argv = [os.fsdecode(each) for each in arguments[1:]]
    argv = argv[1:] if argv[0] == "-B" else argv
    held, env = reserve(), dict(os.environ)
    ours = argv[-1] == "--multiprocessing-fork"
    if held is None or not ours or not held.takes(argv, env):
        return int(_newly_spawned(path, arguments, fds))
    numbers = sorted({0, 1, 2, *fds})
    blocked = [int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
    return held.start(Command(argv, str(Path.cwd()), env, numbers, blocked), numbers)


def _become(path: Any, arguments: Any) -> NoReturn:
    """In place of `os.execv`: this process waits for what has its place."""
    argv, held, env = list(arguments[1:]), reserve(), dict(os.environ)
    if held is None or path != sys.executable or not held.takes(argv, env):
        _execv(path, arguments)
    own = (0, 1, 2)
    pid = held.start(Command(argv, str(Path.cwd()), env, own, tied=True), own)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)
