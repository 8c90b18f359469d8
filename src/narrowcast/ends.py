"""What a user's script ends with where a conversion is refused.

A refusal is raised as the typed error that it is. Where nobody catches it, the script
says it in two lines and ends with its exit code, as the command line does.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from narrowcast.runtime.common.errors import NarrowcastError, UsageError
from narrowcast.runtime.common.telling.progress import printable

IN_PYTHON = {
    "--model": "converter.model",
    "--data": "converter.eval_dataloader",
    "--metric": "converter.metric",
    "--eval-func": "converter.eval_func",
    "--max-trials": "tuning.exit_policy.max_trials",
    "--timeout": "tuning.exit_policy.timeout",
    "--resume": "tuning.workspace.resume",
    "--output": "tuning.workspace.path",
}
"""What options of a script are called for those who call it from Python."""

OPTION = re.compile(f"({'|'.join(IN_PYTHON)})(?![\\w-])")


def in_python(text: str) -> str:
    """A message of a script, in the words of those who call it from Python."""
    return OPTION.sub(lambda found: IN_PYTHON[found[0]], text)


class CriterionError(NarrowcastError):
    """What was converted misses the criterion, and was to be saved."""

    error_code = "NC912"
    exit_code = 1


class SpecRefusal(UsageError):
    """A spec can't be used; the message has each mistake with its code and place."""

    def told(self) -> str:
        return str(self)


class _Ends(SystemExit):
    """Ends the process where nobody catches it."""

    exit_code: int
    told: Callable[[], str]

    @property
    def code(self) -> int:  # type: ignore[override]
        """The exit code.

        The interpreter asks for it where the error has left all of Python's frames, and
        prints nothing itself: it is the place to say why.
        """
        if sys._getframe().f_back is None:
            print(printable(self.told()), file=sys.stderr)
        return self.exit_code


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what is refused in here so that a script ends with its exit code.

    In threads SystemExit is silent, and it would end a session at a prompt: there the
    error is no more than itself.

    Raises:
        NarrowcastError: The error itself, which is a SystemExit too.
    """
    try:
        yield
    except NarrowcastError as error:
        made = ending(error)
        if made is error:
            raise
        raise made from (error.__cause__ or error)
    except Exception as error:
        spec = sys.modules.get("narrowcast.spec")  # nothing reads specs without it
        if spec is None or not isinstance(error, spec.SpecError):
            raise
        raise ending(SpecRefusal(str(error))) from error


def ending(error: NarrowcastError) -> NarrowcastError:
    """The same error, as one that ends the process."""
    if isinstance(error, SystemExit):
        return error
    wanted = _ending(type(error)) if _ends_a_script() else type(error)
    made: NarrowcastError = wanted(in_python(error.message), in_python(error.remedy))
    for note in getattr(error, "__notes__", ()):
        made.add_note(note)
    return made


def _ends_a_script() -> bool:
    """Whether an error may end the process: a session at a prompt goes on after it."""
    at_a_prompt = hasattr(sys, "ps1") or bool(sys.flags.interactive)
    main = threading.current_thread() is threading.main_thread()
    return main and not at_a_prompt


def _ending(of: type[NarrowcastError]) -> type[NarrowcastError]:
    named = {"__module__": of.__module__, "__qualname__": of.__qualname__}
    return type(of.__name__, (of, _Ends), named)
