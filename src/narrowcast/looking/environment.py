"""Another Python that a script is to run in: whether it can."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from narrowcast import __version__
from narrowcast.runtime.common.errors import RequirementError, first_line

OLDEST = (3, 11)
"""The Python that narrowcast takes at least."""

WAITED = 60
"""Seconds for an answer."""

QUESTION = """\
import json, sys
try:
    from narrowcast import __version__ as version
except ImportError:
    version = None
print(json.dumps([list(sys.version_info[:2]), version]))
"""


def interpreter(given: str) -> str:
    """The path of a Python that has a narrowcast which fits this one.

    Args:
        given: Its path, its name on PATH, or the folder of its environment.

    Raises:
        RequirementError: There is none, or it can't run what this one generates.
    """
    path = _found(given)
    version, theirs = _answer(path)
    if tuple(version) < OLDEST:
        raise RequirementError(
            f"--python {given} is Python {_dotted(version)}",
            f"narrowcast needs {_dotted(OLDEST)} or newer: name another.",
        )
    if theirs is None:
        raise RequirementError(
            f"--python {given} has no narrowcast",
            f"{path} -m pip install 'narrowcast~={__version__}'",
        )
    if _series(theirs) != _series(__version__):
        raise RequirementError(
            f"--python {given} has narrowcast {theirs}, this is {__version__}",
            f"{path} -m pip install 'narrowcast~={__version__}'",
        )
    return path


def _found(given: str) -> str:
    inside = (f"{given}/bin/python", f"{given}\\Scripts\\python.exe")
    for each in inside if Path(given).is_dir() else (given,):
        found = shutil.which(each)
        if found is not None:
            # Not resolved: an environment's python is a link out of it.
            return str(Path(found).absolute())
    raise RequirementError(
        f"--python {given} is no program that can be run",
        "Name the python of an environment, such as .venv/bin/python.",
    )


def _answer(path: str) -> Any:
    """The version of a Python, and that of its narrowcast."""
    try:
        done = subprocess.run(
            [path, "-c", QUESTION],
            capture_output=True,
            text=True,
            timeout=WAITED,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        version, theirs = json.loads(done.stdout.splitlines()[-1])
        return tuple(map(int, version)), theirs and str(theirs)
    except (
        OSError,
        subprocess.SubprocessError,
        ValueError,
        LookupError,
        TypeError,
    ) as e:
        # Of others, the error says the whole question, or how the answer is read.
        why = f": {first_line(e)}" if isinstance(e, OSError) else ""
        raise RequirementError(
            f"{path} is not a Python interpreter, or does not answer as one{why}",
            "Name the python of an environment, such as .venv/bin/python.",
        ) from e


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _series(version: str) -> list[str]:
    """What releases have in common that fit each other."""
    return version.split(".")[:2]
