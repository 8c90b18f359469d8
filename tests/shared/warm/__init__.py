"""Python processes that have a framework imported already: forks of one that did no more.

A conversion is three processes, and most of its time goes to importing the framework in
each. Here `python -m narrowcast ...`, the script that takes its place, and all that
multiprocessing spawns in them and in the tests' own process, are forks of a reserve: a
Python that imported the framework, ran nothing and waits. Each is a process of its own,
with the arguments, folder, variables, streams, descriptors and signal mask that it was
given, as a child of the one that asked, and has nothing of what that did.

Only what is imported when differs from processes that are newly started. So those are
started in the night (`SWEEP`), in the committed examples' tests, where not just one
framework is installed or where processes can't be forked so, and with variables that a
framework might read while it is imported.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .replaced import spawned
from .reserve import Command, reserve

__all__ = ["newly", "run", "spawned"]


def run(
    arguments: Sequence[str | Path],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` of this Python, with what it writes captured as text.

    Args:
        arguments: Of Python: `-m` with a module, `-c` with code, or a script.
        env: All of its variables; this process's where it is None.
        timeout: Seconds.

    Raises:
        TimeoutExpired: It took longer, and was killed.
    """
    argv = [str(each) for each in arguments]
    variables = dict(os.environ if env is None else env)
    held = reserve()
    if held is not None and held.takes(argv, variables):
        command = Command(argv, str(cwd or Path.cwd()), variables, (0, 1, 2))
        return _run(command, timeout)
    return newly(argv, cwd, variables, timeout)


def newly(
    argv: Sequence[str],
    cwd: Path | None,
    env: Mapping[str, str],
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """The same in a Python that is newly started."""
    return subprocess.run(
        [sys.executable, *argv],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def _run(command: Command, timeout: float | None) -> subprocess.CompletedProcess[str]:
    with (
        Path(os.devnull).open() as nothing,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as error,
    ):
        held = reserve()
        assert held is not None
        pid = held.start(command, [f.fileno() for f in (nothing, output, error)])
        code = _ended(pid, timeout, command.argv)
        said = []
        for file in (output, error):
            file.seek(0)
            said.append(file.read().decode().replace("\r\n", "\n"))
    return subprocess.CompletedProcess([sys.executable, *command.argv], code, *said)


def _ended(pid: int, timeout: float | None, argv: Sequence[str]) -> int:
    """Its exit code, as `subprocess` gives it."""
    ended = os.pidfd_open(pid)
    waiting = select.poll()
    waiting.register(ended, select.POLLIN)
    in_time = False
    try:
        in_time = bool(waiting.poll(None if timeout is None else timeout * 1000))
    finally:
        os.close(ended)
        if not in_time:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if not in_time:
        raise subprocess.TimeoutExpired([sys.executable, *argv], timeout or 0.0)
    return os.waitstatus_to_exitcode(status)
