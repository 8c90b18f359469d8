"""How signals end a process that has not imported yet what it works with.

Nothing heavy is imported here: while that goes on, a signal has no answer but Python's,
a traceback of whatever module was being imported.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

EXIT_INTERRUPTED = 130

OBJECT = """\
{{
  "exit_code": 130,
  "diagnostics": [
    {{
      "severity": "error",
      "code": "NC921",
      "message": "{message}",
      "remedy": null,
      "file": null,
      "line": null,
      "column": null,
      "key": null
    }}
  ]
}}
"""
"""As `failures.failure_json` makes it, which may be half imported when it is needed."""


def is_json_asked(arguments: Sequence[str]) -> bool:
    """Whether --json is among options that may be wrong."""
    return "--json" in arguments


def signals_end_it(
    message: str, said: str, is_json: bool, *numbers: int
) -> Callable[[], None]:
    """Let signals end this process at once: it has begun nothing yet.

    A signal that is ignored, or that has an answer already, is left alone.

    Args:
        message: Why it ended, for the JSON object; no character of it needs an escape.
        said: The same on standard error, "" for nothing.
        is_json: Whether the object is asked for.
        numbers: The signals.

    Returns:
        What gives them their former answers back.
    """

    def end(number: int, frame: object) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        _write(2, said)
        _write(1, OBJECT.format(message=message) if is_json else "")
        os._exit(EXIT_INTERRUPTED)

    usual = {signal.SIG_DFL, signal.default_int_handler}
    before = {each: signal.getsignal(each) for each in numbers}
    answered = [each for each in numbers if before[each] in usual]
    with suppress(ValueError):  # signals are the main thread's
        for each in answered:
            signal.signal(each, end)

    def give_back() -> None:
        for each in answered:
            if signal.getsignal(each) is end:
                signal.signal(each, before[each])

    return give_back


def interrupts_were_caught() -> None:
    """Let this process end with its own exit code after a KeyboardInterrupt.

    Python notes one that leaves source text given to `exec`, as dataclasses do that are
    imported, and kills itself in the end although it was caught. Text that is run later
    clears the note.
    """
    exec("")


def was_interrupted(error: BaseException) -> bool:
    """Whether an error is what became of a KeyboardInterrupt.

    Python before 3.12 makes a RuntimeError of what leaves `__set_name__`, which runs as
    classes are imported.
    """
    chain: BaseException | None = error
    while chain is not None and not isinstance(chain, KeyboardInterrupt):
        chain = chain.__cause__ or chain.__context__
    return chain is not None


def _write(descriptor: int, text: str) -> None:
    with suppress(OSError):  # closed, full, or not read any more
        os.write(descriptor, text.encode())
