"""One spec of a fleet: what a worker is sent, what it does with it, what comes back."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from narrowcast import __version__

from . import tether
from .sign import Watched, Word

LOOKS = 1.0
"""How often a worker looks at the sign, seconds."""

KEPT = 40
"""Last lines of what a script says that are kept."""

INTERRUPTED = 130
FAILED = 2
REQUIREMENT = 3
FORCED = ("FORCE_BF16", "FORCE_FP16")
"""What of this process's environment is said to be so for the scripts too."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs to know.

    Attributes:
        name: The model's.
        spec: Its file, as the user named it.
        script: The generated script.
        sha256: Of the script.
        arguments: The script's options.
        history: Where its search is recorded.
        begun: Hash of that before this fleet, "" for none: another one is by a worker
            that died, and is taken up.
        folder: Where the command was given, to which options' paths may be relative.
        sign: The file that says whether anybody waits.
        program: The Python that runs the script, "" for the worker's own.
        version: Of narrowcast, which wrote the script.
        forced: What of the environment goes along.
    """

    name: str
    spec: str
    script: Path
    sha256: str
    arguments: tuple[str, ...]
    history: Path
    begun: str
    folder: Path
    sign: Path
    program: str = ""
    version: str = __version__
    forced: Mapping[str, str] = field(
        default_factory=lambda: {k: os.environ[k] for k in FORCED if k in os.environ}
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a spec.

    Attributes:
        code: The script's exit code, or what it would be.
        said: Why it failed, "" where it did not.
        machine: Where it ran, "" for nowhere.
        seconds: How long.
        report: What the script printed with --json; None where it has no report.
        current: Whether it was left alone, being up to date.
    """

    spec: str
    name: str
    code: int
    said: str = ""
    machine: str = ""
    seconds: float = 0.0
    report: Mapping[str, Any] | None = None
    current: bool = False


def convert(task: Task) -> Outcome:
    """Run the script, as long as somebody waits for it.

    What fails is an outcome, too: nothing is raised but what no code of ours foresees.
    """
    begin, watched = time.monotonic(), Watched(task.sign)
    found = Outcome(task.spec, task.name, 0, machine=socket.gethostname())
    refused = _refused(task, found, watched.word())
    if refused is not None:
        return refused
    program = (task.program or sys.executable, str(task.script), *_arguments(task))
    folder = task.folder if task.folder.is_dir() else task.script.parent
    code, out, err = _run(program, folder, {**os.environ, **task.forced}, watched)
    found = replace(found, code=code, seconds=time.monotonic() - begin)
    number = -code if code < 0 else code - tether.SIGNALLED
    if number > 0 and code != INTERRUPTED:
        said = f"its process was killed by signal {number}"
        hint = ": most often the system does that where memory runs out"
        return replace(found, code=FAILED, said=said + (hint if number == 9 else ""))
    answer = _answer(out)
    if "exit_code" in answer and "name" in answer:
        return replace(found, report=answer, said=_tail(err) if code > 1 else "")
    return replace(found, said=_tail(err))


def _refused(task: Task, found: Outcome, word: Word) -> Outcome | None:
    """Why it isn't begun here, if it isn't."""
    here = found.machine
    if word is Word.GONE:
        shared = (
            "all machines must find it under the same path, on a shared file system"
        )
        said = f"worker {here} does not see {task.sign.parent}: {shared}"
        return replace(found, code=REQUIREMENT, said=said)
    if word is Word.END:
        return replace(found, code=INTERRUPTED, said="not begun", machine="")
    if task.version != __version__:
        said = (
            f"worker {here} has narrowcast {__version__}, {task.version} wrote the "
            f"script: pip install 'narrowcast=={task.version}' there"
        )
        return replace(found, code=REQUIREMENT, said=said)
    from narrowcast.runtime.common.files import sha256

    try:
        same = sha256(task.script) == task.sha256
    except OSError as error:
        said = f"worker {here} can't read {task.script}: {error.strerror}"
        return replace(found, code=REQUIREMENT, said=said)
    if not same:
        said = f"worker {here} sees another {task.script} than was generated"
        return replace(found, code=REQUIREMENT, said=said)
    return None


def _arguments(task: Task) -> tuple[str, ...]:
    """The script's options; a search that an earlier worker began is taken up."""
    from narrowcast.runtime.common.files import sha256

    given = (*task.arguments, "--json")
    left = sha256(task.history) if task.history.is_file() else ""
    if left == task.begun or "--resume" in given:
        return given
    return (*(each for each in given if each != "--search"), "--resume")


def _run(
    program: tuple[str, ...], folder: Path, environ: Mapping[str, str], watched: Watched
) -> tuple[int, str, str]:
    """Exit code, standard output and error of a program on a tether."""
    theirs, ours = os.pipe()
    with open(theirs, "rb") as end, open(ours, "wb", buffering=0) as tied:  # noqa: PTH123
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", tether.__file__, *program],
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environ,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is answered by way of the sign
        )
        end.close()
        out, err = _waited(process, tied, watched)
        return process.returncode, out, err


def _waited(
    process: subprocess.Popen[str], tied: BinaryIO, watched: Watched
) -> tuple[str, str]:
    """What the program wrote, once it has ended; told to end when the sign says so."""
    told = False
    while True:
        try:
            return process.communicate(timeout=LOOKS)
        except subprocess.TimeoutExpired:
            word = watched.word()
            if word is Word.GONE:
                tied.close()
                return process.communicate()
            if word is Word.END and not told:
                told = True
                with suppress(BrokenPipeError):  # it has just ended
                    tied.write(tether.END)


def _answer(out: str) -> dict[str, Any]:
    """The object that the script printed, {} for none."""
    try:
        found = json.loads(out)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _tail(err: str) -> str:
    return "\n".join(err.strip().splitlines()[-KEPT:])
