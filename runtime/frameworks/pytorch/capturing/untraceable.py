"""What to say of a model that torch.export can't trace: which line, which size."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sysconfig
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch.export import ExportedProgram

from ....common.errors import ModelError
from .remedies import known_cause

Named = Sequence[tuple[str, Mapping[int, str]]]
"""For each input: its name, and dimension → symbol."""

STANDARD = Path(sysconfig.get_path("stdlib"))
PACKAGES = Path(torch.__file__).parents[1]
SKIPPED = (PACKAGES / "torch", PACKAGES / "numpy", Path(__file__).parents[2])
"""Code that no one would change for a conversion: torch's, NumPy's and ours."""

PREFIX = "torch.export can't trace the model"
FIXES = re.compile(r"^\s*(?P<symbol>\w+) = (?P<size>.+)$", re.MULTILINE)
ON_VALUES = ("data-dependent", "GuardOnDataDependent", "unbacked", "guard on")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep to ourselves what torch prints and logs of an error that it also raises."""
    known = logging.root.manager.loggerDict.items()
    loggers = [each for name, each in known if name.split(".")[0] == "torch"]
    handlers = [
        handler
        for logger in loggers
        if isinstance(logger, logging.Logger)
        for handler in logger.handlers
    ]
    for handler in handlers:
        handler.addFilter(_silent)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for handler in handlers:
            handler.removeFilter(_silent)


def _silent(record: logging.LogRecord) -> bool:
    return False


def check_outputs(program: ExportedProgram) -> None:
    """See that a saved program can give back all that forward() returns.

    Raises:
        ModelError: It returns text, which `.pt2` writes and can't read.
    """
    for each in program.graph_signature.output_specs:
        value = getattr(each.arg, "value", None)
        if isinstance(value, str):
            raise ModelError(
                f"the model returns the text {value!r} among its outputs, and a .pt2 "
                "can't hold it",
                "Return tensors and numbers only from forward().",
            )


def untraceable(error: Exception, inputs: Named) -> ModelError:
    """The error for what torch.export raised.

    Args:
        inputs: As the spec declares them.
    """
    said = str(error)
    if "Suggested fixes:" in said and "Constraints violated" in said:
        return _fixed_size(said, inputs)
    frame, place = _frame(error), where(error)
    known = known_cause(error)
    if known is not None:
        return ModelError(f"{PREFIX}{place}: {known[0]}", known[1])
    if any(word in said for word in ON_VALUES):
        code = f"`{frame.line}`" if frame and frame.line else "its control flow"
        return ModelError(
            f"{PREFIX}{place}: {code} depends on the values of a tensor",
            "A graph has no Python `if`, loop or size that values decide: write "
            "torch.cond(predicate, true_fn, false_fn, operands), torch.where or a mask, "
            "or a fixed size.",
        )
    return ModelError(
        f"{PREFIX}{place}: {reason(error)}",
        "In forward() only torch's own functions can be traced: no NumPy, no file, no "
        "other library on a tensor.",
    )


def where(error: Exception) -> str:
    """ " at net.py:31": the user's line, or their library's; "" if it is in neither."""
    frame = _frame(error)
    return f" at {_shown(frame)}" if frame else ""


def _frame(error: Exception) -> traceback.FrameSummary | None:
    """The innermost call outside torch: the user's line, or their library's."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_models(frame.filename)]
    return own[-1] if own else None


def _shown(frame: traceback.FrameSummary) -> str:
    """`net.py:31`; for a library, its path within what is installed."""
    file = Path(frame.filename)
    installed = file.is_relative_to(PACKAGES)
    name = file.relative_to(PACKAGES).as_posix() if installed else file.name
    return f"{name}:{frame.lineno}"


def _is_models(name: str) -> bool:
    file = Path(name)
    installed = file.is_relative_to(PACKAGES)
    return (
        file.is_absolute()
        and not any(file.is_relative_to(path) for path in SKIPPED)
        and (installed or not file.is_relative_to(STANDARD))
    )


def _fixed_size(said: str, inputs: Named) -> ModelError:
    """The error where the model works for some sizes only, of those that may vary."""
    fixes = dict(FIXES.findall(said.partition("Suggested fixes:")[2]))
    for symbol, size in fixes.items():
        places = ", ".join(
            f"dimension {axis} of {name}"
            for name, axes in inputs
            for axis, known in axes.items()
            if known == symbol
        )
        if places:
            needed, remedy = _needed(symbol, size.strip())
            return ModelError(
                f"{PREFIX} with `{symbol}` ({places}) left open: it {needed}", remedy
            )
    return ModelError(
        f"{PREFIX}: {_short(said)}",
        "Write a number in model.inputs for each size that the model fixes.",
    )


def _needed(symbol: str, size: str) -> tuple[str, str]:
    """What the model demands of a size, and what to write for it."""
    if size.isdecimal():
        return (
            f"fixes it to {size}",
            f"Write {size} for `{symbol}` in model.inputs (and `last_batch: discard` if "
            "it is the batch), or mend the line of forward() that compares or reshapes "
            "to it.",
        )
    if size.isidentifier():
        return (
            f"needs it to equal `{size}`",
            f"Write `{size}` for `{symbol}` in model.inputs.",
        )
    multiple = re.fullmatch(r"(\d+)\*\w+", size)
    text = f"takes only multiples of {multiple[1]}" if multiple else f"needs {size}"
    return text, f"Write a number for `{symbol}` in model.inputs."


def reason(error: Exception) -> str:
    """What torch says before it turns to its own documentation and flags."""
    return _short(re.split(r"\n\s*\n", str(error).strip())[0]) or type(error).__name__


def _short(text: str) -> str:
    text = re.sub(r"For more information, run with TORCH_LOGS=\S+", "", text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[:6])[:500]
