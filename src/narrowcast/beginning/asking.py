"""What a first spec has to know: from options, from the model, or asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from narrowcast.detecting import FACTORY, framework_of, name_of
from narrowcast.runtime.common.errors import ModelError, UsageError
from narrowcast.spec.framework import OURS
from narrowcast.spec.sections.fields import near
from narrowcast.spec.sections.model import FRAMEWORKS, RUNTIMES, slug

LOWS, INT8 = ("bf16", "fp16"), "int8"
KNOWN = "bf16, fp16, or both; int8 beside one of them."


@dataclass(frozen=True)
class Given:
    """What the command line says, None where it says nothing."""

    model: str | None = None
    weights: str | None = None
    name: str | None = None
    framework: str | None = None
    precisions: str | None = None
    runtime: str | None = None


@dataclass(frozen=True)
class Answers:
    """All that has to be said.

    Attributes:
        file: The model's file or folder, None where there is none yet.
        factory: What makes it, "" where nothing does.
        framework: Ours.
        runtime: "" for what isn't ONNX.
    """

    name: str
    framework: str
    file: Path | None
    factory: str
    weights: str
    precisions: tuple[str, ...]
    runtime: str


def filled(given: Given, asks: bool) -> Answers:
    """The answers; what is not given is asked for on a terminal, else what is usual.

    Raises:
        UsageError: An answer is missing that has no usual one, or is none.
        ModelError: There is no such model, or nothing tells its framework.
    """
    model = given.model
    if model is None and asks and not (given.name and given.framework):
        model = _asked("The model's file or folder, or package.module:factory", "")
    factory = model if model and FACTORY.fullmatch(model) else ""
    file = Path(model) if model and not factory else None
    framework = _framework(given.framework, file, asks)
    name = given.name
    if not name:
        name = name_of(model) if model else "model"
        name = _asked("Its name", name) if asks else name
    if not slug(name):
        raise UsageError(f"--name {name!r} makes no file name", "Use A-Z, a-z or 0-9.")
    usual = "fp16" if given.runtime == "onnxruntime" else "bf16"
    lows = given.precisions
    if lows is None:
        may = asks and framework != "mxnet"
        lows = (
            _asked("Precisions: bf16, fp16, or both; or int8 bf16", usual)
            if may
            else usual
        )
    return Answers(
        name=name,
        framework=framework,
        file=file,
        factory=factory,
        weights=given.weights or "",
        precisions=_precisions(lows, usual),
        runtime=_runtime(given.runtime, framework, lows),
    )


def _asked(question: str, usual: str) -> str:
    """The answer; nothing is taken for what is usual."""
    said: str = typer.prompt(
        question, default=usual, show_default=bool(usual), err=True
    )
    return said.strip()


def _framework(given: str | None, file: Path | None, asks: bool) -> str:
    if given is not None:
        if given not in FRAMEWORKS:
            raise UsageError(f"--framework {given} is not known", near(given, OURS))
        return FRAMEWORKS[given]
    if file is not None:
        return framework_of(file)
    if not asks:
        raise UsageError(
            "--framework is missing: nothing else tells what the factory makes",
            f"One of {', '.join(OURS)}.",
        )
    return _framework(
        _asked(f"Its framework: {', '.join(OURS)}", "pytorch"), None, True
    )


def _precisions(text: str, usual: str) -> tuple[str, ...]:
    """Those that are named; beside int8 alone what is usual."""
    words = text.replace("both", "bf16 fp16").replace(",", " ").split()
    found = tuple(low for low in LOWS if low in words)
    if set(words) - {*LOWS, INT8} or not words:
        raise UsageError(f"--precisions {text} is not known", KNOWN)
    return (INT8, *(found or (usual,))) if INT8 in words else found


def _runtime(given: str | None, framework: str, lows: str) -> str:
    if framework != "onnx":
        if given:
            raise UsageError("--runtime is for ONNX models", "Leave it out.")
        return ""
    usual = "onnxruntime" if "fp16" in lows and "bf16" not in lows else "openvino"
    if given and given not in RUNTIMES:
        raise UsageError(f"--runtime {given} is not known", near(given, RUNTIMES))
    return given or usual


def check_there(file: Path) -> None:
    """See that there is such a model.

    Raises:
        ModelError: There is none.
    """
    if not file.exists():
        raise ModelError(f"the model {file} does not exist", "Name it with --model.")
