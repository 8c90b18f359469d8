"""Answers → a spec in a file, which is valid and was not there before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from narrowcast.codegen.beginning import Beginning, begun
from narrowcast.looking.found import Found, Tensor
from narrowcast.looking.look import look as look_into
from narrowcast.runtime.common.errors import UsageError, WriteError
from narrowcast.spec import SpecError, loads
from narrowcast.spec.reference.schema import is_ours, schema_text
from narrowcast.spec.sections.model import slug

from .asking import Answers, check_there

SCHEMA = "narrowcast.schema.json"
"""The schema's file, beside the spec: editors need no network, and no version changes it
behind them."""


def begin(
    answers: Answers, output: Path | None, *, look: bool, schema: bool
) -> tuple[Path, ...]:
    """Write the spec, and the schema if it isn't there; what was written, the spec last.

    Args:
        output: The spec's file; None for one that is called after the model.
        look: Whether the model's file is looked into.
        schema: Whether the spec names the schema.

    Raises:
        UsageError: The file is there, or can't be written.
        ModelError: The model can't be looked into.
        RequirementError: A package is missing for that.
        SpecError: No valid spec can be made of the answers.
    """
    path = Path(f"{slug(answers.name)}.yaml") if output is None else output
    if os.path.lexists(path):
        raise UsageError(
            f"{path} is there already, and is left alone", "Name another file with -o."
        )
    beside = path.parent / SCHEMA
    missing = schema and not _has_schema(beside)
    text = _text(answers, path, look, f"./{SCHEMA}" if schema else "")
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [(beside, schema_text())] if missing else []
    for each, content in [*written, (path, text)]:
        _write(each, content)
    return (*(each for each, _content in written), path)


def _has_schema(path: Path) -> bool:
    """Whether the schema is there, of any version: it is left as it is.

    Raises:
        UsageError: Something else is.
    """
    if not os.path.lexists(path):
        return False
    try:
        ours = path.is_file() and is_ours(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        ours = False
    if not ours:
        raise UsageError(
            f"{path} is something else, and is left alone",
            "Leave the schema out with --no-schema.",
        )
    return True


def _text(answers: Answers, path: Path, look: bool, schema: str) -> str:
    """The spec; without what the model declares where specs can't say that."""
    plain = Beginning(
        name=answers.name,
        framework=answers.framework,
        path=_from(path, answers.file) if answers.file else "",
        factory=answers.factory,
        weights=answers.weights and _from(path, Path(answers.weights)),
        runtime=answers.runtime,
        precisions=answers.precisions,
        schema=schema,
    )
    if answers.file is None:
        return _valid(plain, path)
    check_there(answers.file)
    found = look_into(answers.file) if look else Found()
    told = _told(plain, found, answers)
    try:
        return _valid(told, path)
    except SpecError as error:
        if not (told.inputs or told.outputs):
            raise
        why = error.diagnostics[0]
        unsure = f"Inputs and outputs are left out: {why.path}: {why.message}."
        return _valid(replace(told, inputs=(), outputs=(), unsure=(unsure,)), path)


def _told(plain: Beginning, found: Found, answers: Answers) -> Beginning:
    keys = found.keys or {}
    stem = PurePath(plain.path)
    weights = keys.get("weights") or _guessed(stem, answers.framework)
    beside = (stem.parent / weights).as_posix() if weights else ""
    return replace(
        plain,
        weights=plain.weights or beside,
        signature=keys.get("signature", ""),
        inputs=tuple(map(_input, found.inputs)),
        outputs=found.outputs,
        unsure=found.unsure,
    )


def _guessed(symbol: PurePath, framework: str) -> str:
    """The parameters of a symbol that is not looked into."""
    stem = symbol.name.removesuffix("-symbol.json")
    return f"{stem}-0000.params" if framework == "mxnet" else ""


def _input(tensor: Tensor) -> Mapping[str, Any]:
    keys: dict[str, Any] = {"name": tensor.name}
    if tensor.shape:
        keys["shape"] = list(tensor.shape)
    if tensor.dtype:
        keys["dtype"] = tensor.dtype
    return keys


def _from(spec: Path, file: Path) -> str:
    """The file's path from the spec's folder, POSIX."""
    return PurePath(os.path.relpath(file, spec.parent)).as_posix()


def _valid(spec: Beginning, path: Path) -> str:
    """The text.

    Raises:
        SpecError: It is no valid spec.
    """
    text = begun(spec)
    loads(text, str(path))
    return text


def _write(path: Path, text: str) -> None:
    """A new file, whole or not at all.

    Raises:
        UsageError: It is there, or can't be written.
    """
    try:
        # "x" takes nothing that is there, and follows no link.
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", "Name another with -o.") from error
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(
            f"can't write {path}: {reason}", "Make room, or name another with -o."
        ) from error
