"""Text or file → Spec."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from .explain import explain
from .framework import FRAMEWORK, OURS, framework_in, is_open, with_framework
from .normalise import normalise
from .notes import notes
from .reading.codes import Code
from .reading.compose import BREAK, compose
from .reading.diagnostics import Diagnostic, SpecError, in_order
from .reading.source import Source
from .sections.document import Document
from .spec import Spec
from .vocabulary import is_key

T = TypeVar("T")
LIMIT = 256 * 1024
"""Bytes that a spec's file may have."""


def load(path: str | os.PathLike[str], *, framework: str = "", model: str = "") -> Spec:
    """The spec in a YAML file, which is only read.

    Args:
        framework: What the model is where the file leaves it out or says `NA`.
        model: The file that is supplied as the model, whose ending can tell as well.

    Raises:
        SpecError: The file can't be read, or what it says can't be used.
    """
    name = os.fspath(path)
    return loads(_text(name), name, framework=framework, model=model)


def read(path: str | os.PathLike[str]) -> Source:
    """What a YAML file says, whether or not it is a spec.

    Raises:
        SpecError: The file can't be read, or is no YAML.
    """
    name = os.fspath(path)
    return _source(_text(name), name)


def loads(
    text: str, name: str = "<string>", *, framework: str = "", model: str = ""
) -> Spec:
    """The spec in a YAML text, as `load`; `name` stands for the file in messages.

    Raises:
        SpecError: What the text says can't be used.
    """
    source = _source(text, name)
    told = with_framework(source, framework, model)
    spec = _spec(told)
    if is_open(with_framework(source)):
        return replace(spec, told=framework_in(told))
    return spec


def check(
    path: str | os.PathLike[str], *, framework: str = ""
) -> tuple[Diagnostic, ...]:
    """The notes of a spec that is valid, for one framework at least if it says none.

    Raises:
        SpecError: As `load`; of several frameworks, for the one that fits best.
    """
    name = os.fspath(path)
    return checks(_text(name), name, framework=framework)


def checks(text: str, name: str, *, framework: str = "") -> tuple[Diagnostic, ...]:
    """The same of a YAML text; `name` stands for the file in messages.

    Raises:
        SpecError: As `check`.
    """
    source = _source(text, name)
    told = with_framework(source, framework)
    if not is_open(told):
        return _spec(told).notices
    found = valid_for(source, _spec)
    text = f"is not written: valid for {', '.join(found)}; generate takes --framework"
    first, *others = (spec.notices for spec in found.values())
    common = (note for note in first if all(note in notices for notices in others))
    hint = f"framework: {' or '.join(found)}"
    return in_order((*common, source.note(FRAMEWORK, text, hint, Code.CHOSEN)))


def valid_for(source: Source, read: Callable[[Source], T]) -> dict[str, T]:
    """Framework → what the source is for it, of all that it is valid for.

    Raises:
        SpecError: It is valid for none; for the one that fits best.
    """
    found: dict[str, T] = {}
    refused: list[SpecError] = []
    for each in OURS:
        try:
            found[each] = read(with_framework(source, each))
        except SpecError as error:
            refused.append(error)
    if not found:
        raise min(refused, key=_errors)
    return found


def _errors(error: SpecError) -> int:
    """How many mistakes there are, notes aside."""
    return sum(each.severity == "error" for each in error.diagnostics)


def _source(text: str, name: str) -> Source:
    if len(text) > LIMIT:
        raise _unreadable(name, f"a spec may not be larger than {LIMIT // 1024} KiB")
    return compose(text, name, is_key)


def document_of(source: Source) -> Document:
    """What a source says, as validated as it is written.

    Raises:
        SpecError: It can't be used.
    """
    try:
        return Document.model_validate(source.data)
    except ValidationError as error:
        raise SpecError(explain(error, source)) from None


def _spec(source: Source) -> Spec:
    document = document_of(source)
    found = (
        source.note(note.at, note.text, note.hint, note.code)
        for note in notes(document)
    )
    return replace(normalise(document), notices=in_order(found))


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
    return decoded(content, name)


def decoded(content: bytes, name: str) -> str:
    """The text of a spec's bytes; `name` stands for the file in messages.

    Raises:
        SpecError: It is not UTF-8, or too long.
    """
    if len(content) > LIMIT:
        raise _unreadable(name, f"a spec may not be larger than {LIMIT // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = BREAK.split(content[: error.start].decode("utf-8-sig"))
        line, column = len(before), len(before[-1]) + 1
        message = f"not UTF-8: byte 0x{content[error.start]:02x}"
        hint = "save the file as UTF-8"
        said = Diagnostic(
            name, line, column, "", message, hint, before[-1], code=Code.CHARACTER
        )
        raise SpecError([said]) from None


def _unreadable(name: str, message: str, hint: str = "") -> SpecError:
    said = Diagnostic(name, 0, 0, "", message, hint, code=Code.UNREADABLE)
    return SpecError([said])
