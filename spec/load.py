"""Text or file → Spec."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .explain import explain
from .normalise import normalise
from .reading.compose import BREAK, compose
from .reading.diagnostics import Diagnostic, SpecError
from .reading.source import Source
from .sections.document import Document
from .spec import Spec

LIMIT = 256 * 1024
"""Bytes that a spec's file may have."""


def load(path: str | os.PathLike[str]) -> Spec:
    """The spec in a YAML file, which is only read.

    Raises:
        SpecError: The file can't be read, or what it says can't be used.
    """
    name = os.fspath(path)
    return loads(_text(name), name)


def read(path: str | os.PathLike[str]) -> Source:
    """What a YAML file says, whether or not it is a spec.

    Raises:
        SpecError: The file can't be read, or is no YAML.
    """
    name = os.fspath(path)
    return compose(_text(name), name)


def loads(text: str, name: str = "<string>") -> Spec:
    """The spec in a YAML text; `name` stands for the file in messages.

    Raises:
        SpecError: What the text says can't be used.
    """
    if len(text) > LIMIT:
        raise _unreadable(name, f"a spec may not be larger than {LIMIT // 1024} KiB")
    source = compose(text, name)
    try:
        document = Document.model_validate(source.data)
    except ValidationError as error:
        raise SpecError(explain(error, source)) from None
    return normalise(document)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of what a spec may hold, for editors."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | Document.model_json_schema()


def _text(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(LIMIT + 1)
    except IsADirectoryError:
        raise _unreadable(name, "this is a folder", "name the YAML file") from None
    except FileNotFoundError:
        raise _unreadable(name, "no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(name, f"can't be read: {reason}") from None
    if len(content) > LIMIT:
        raise _unreadable(name, f"a spec may not be larger than {LIMIT // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = BREAK.split(content[: error.start].decode("utf-8-sig"))
        line, column = len(before), len(before[-1]) + 1
        message = f"not UTF-8: byte 0x{content[error.start]:02x}"
        hint = "save the file as UTF-8"
        raise SpecError(
            [Diagnostic(name, line, column, "", message, hint, before[-1])]
        ) from None


def _unreadable(name: str, message: str, hint: str = "") -> SpecError:
    return SpecError([Diagnostic(name, 0, 0, "", message, hint)])
