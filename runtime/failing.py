"""How a run that fails says so: in words, and as JSON where that is asked for."""

from __future__ import annotations

import tempfile
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .common.errors import NarrowcastError
from .common.files import shown, write_bytes
from .common.places import described, place_of, users_frame
from .common.telling.aside import Aside
from .common.telling.colours import headed, is_coloured
from .common.telling.early import EXIT_INTERRUPTED
from .common.telling.failures import INTERNAL, INTERRUPTED, LEFT, Answer, Failure
from .common.telling.progress import printable
from .common.telling.spec_lines import Key, data_key, located, named_key
from .record.recorded import Recorded
from .run import Context

ENDED = "the model's, the data's or the metric's own code ended the run"
UNDONE = "before the conversion was done: no plan was written"
EXIT_INTERNAL = 4


@dataclass(frozen=True)
class Failing:
    """Where a run says why it failed.

    Attributes:
        context: The run's.
        kept: Standard error, and what frameworks wrote there before.
        answer: Standard output under --json.
    """

    context: Context
    kept: Aside
    answer: Answer

    def error(self, error: NarrowcastError) -> int:
        """An error that is the user's to solve; the exit code."""
        script = self.context.script
        text, key = located(str(error), script), data_key(error, script)
        if key is not None and key.name not in str(error):
            text = f"{key}: {text}"
        self._say(error.error_code, text)
        failure = placed(error, error.__cause__ or error, script)
        return self.answer.failed(error.exit_code, failure)

    def interrupted(self) -> int:
        """A signal that ended the run; the exit code."""
        left = _left(self.context)
        self._say_alone("\n".join((f"interrupted {UNDONE}", *left)))
        remedy = " ".join(line.strip() for line in left)
        failure = Failure(INTERRUPTED, f"interrupted {UNDONE}", remedy)
        return self.answer.failed(EXIT_INTERRUPTED, failure)

    def internal(self, error: Exception) -> int:
        """An error that is ours; the exit code."""
        what, where = logged(error, self.context.name, self.context.options.output)
        self._say(INTERNAL, f"{what}\n  {where}", "internal error")
        return self.answer.failed(EXIT_INTERNAL, Failure(INTERNAL, what, where))

    def ended(self, error: BaseException) -> int:
        """What no code of ours raises; the exit code."""
        text = f"{ENDED}{place_of(error)}: {described(error)}"
        self._say(LEFT, text)
        return self.answer.failed(NarrowcastError.exit_code, Failure(LEFT, text))

    def left(self, what: str) -> None:
        """The process ends at once, by a call of the user's code."""
        text = f"{what} {UNDONE}"
        self._say(LEFT, text)
        self.answer.failed(NarrowcastError.exit_code, Failure(LEFT, text))

    def _say(self, code: str, text: str, what: str = "error") -> None:
        """Why it failed, after what the framework wrote before."""
        last = self.kept.last()
        if last:
            self._say_alone(f"what was written to standard error meanwhile:\n{last}")
        colour = is_coloured(self.kept.stream)
        self._say_alone(headed(code, printable(text), colour, what), clean=False)

    def _say_alone(self, text: str, clean: bool = True) -> None:
        clear = "\r\x1b[2K" if self.kept.stream.isatty() else ""
        said = printable(text) if clean else text
        print(f"{clear}{said}", file=self.kept.stream, flush=True)


def placed(error: NarrowcastError, cause: BaseException, script: Path) -> Failure:
    """The error, with its place in the spec or in the user's own code if it has one."""
    said = Failure(error.error_code, error.message, error.remedy)
    if key := named_key(f"{error}", script):
        return _at(said, key)
    frame = users_frame(cause)
    if frame is not None and Path(frame.filename) != script:
        place = shown(Path(frame.filename))
        said = replace(said, file=place, line=frame.lineno or 0)
    elif data := data_key(error, script):
        return _at(said, data)
    return said


def _at(said: Failure, key: Key) -> Failure:
    file = "" if key.spec is None else shown(key.spec)
    return replace(said, file=file, line=key.line, key=key.name)


def logged(error: Exception, name: str, output: Path) -> tuple[str, str]:
    """An error of ours in one line, and where its traceback was written."""
    details = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
    for folder in (output, Path(tempfile.gettempdir())):
        with suppress(NarrowcastError):
            log = write_bytes(
                folder / f"{name}.error.log", details.encode(errors="backslashreplace")
            )
            return what, f"Details are in {shown(log)}."
    return what, "No log could be written."


def _left(context: Context) -> tuple[str, ...]:
    """What can still be made of an interrupted run."""
    history, passed = context.history, context.passed
    if not isinstance(history, Recorded) or not history.size:
        return ()
    lines = [f"  --resume goes on where {shown(history.path)} ends."]
    if passed is not None:
        lines.append(f"  trial {passed} had passed: --trial {passed} delivers it.")
    return tuple(lines)
