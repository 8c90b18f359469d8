"""What a run or a command says where it fails, as data: one JSON object, and no more."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..errors import NarrowcastError
from .streams import STDOUT, flushed, unwritten

UNREADABLE = "NC101"
MISSED = "NC912"
DRIFT = "NC911"
INTERRUPTED = "NC921"
LEFT = "NC922"
INTERNAL = "NC931"


@dataclass(frozen=True)
class Failure:
    """One thing that is wrong, or that is noted.

    Attributes:
        code: The kind of mistake; `narrowcast explain CODE` says more.
        message: What is wrong.
        remedy: What can be done about it, "" where the message says it.
        severity: "error" or "note".
        file: Where, as a path can be typed here; "" for nowhere.
        line, column: Counted from 1; 0 for the file as a whole.
        key: Of a spec, as `evaluation.accuracy.metric`; "" for none.
    """

    code: str
    message: str
    remedy: str = ""
    severity: str = "error"
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""

    @classmethod
    def of(cls, error: NarrowcastError) -> Failure:
        """An error of ours, without a place."""
        return cls(error.error_code, error.message, error.remedy)

    @property
    def data(self) -> dict[str, Any]:
        """As JSON has it: null where there is no such thing."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy or None,
            "file": self.file or None,
            "line": self.line or None,
            "column": self.column or None,
            "key": self.key or None,
        }


def failure_json(exit_code: int, failures: Sequence[Failure], **more: Any) -> str:
    """The object: `exit_code`, `diagnostics`, and what else there is to say."""
    said = [each.data for each in failures]
    whole = {"exit_code": exit_code, "diagnostics": said, **more}
    return json.dumps(whole, indent=2, allow_nan=False)


@dataclass
class Answer:
    """The object on standard output that a run is asked for, where there is no report.

    Attributes:
        wanted: Whether it is asked for.
        descriptor: Of standard output, wherever that is at the time.
    """

    wanted: bool
    descriptor: int = field(default=STDOUT)
    _given: bool = field(default=False, repr=False)

    def failed(self, exit_code: int, failure: Failure) -> int:
        """Print it, once; the exit code, or another if that fails."""
        if not self.wanted or self._given:
            return exit_code
        self._given = True
        left = f"{failure_json(exit_code, [failure])}\n".encode()
        try:
            while left:
                left = left[os.write(self.descriptor, left) :]
        except OSError as error:
            return unwritten(error)
        return exit_code

    @contextmanager
    def alone(self, other: int) -> Iterator[None]:
        """Keep standard output for it: what the user's code and its child processes
        print meanwhile goes to another descriptor."""
        if not self.wanted:
            yield
            return

        flushed(sys.stdout)
        self.descriptor = os.dup(STDOUT)
        os.dup2(other, STDOUT)
        try:
            yield
        finally:
            flushed(sys.stdout)
            os.dup2(self.descriptor, STDOUT)
            os.close(self.descriptor)
            self.descriptor = STDOUT
