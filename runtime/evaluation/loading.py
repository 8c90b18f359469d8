"""Calling a script's load_model(): what it warns of, and why it fails."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..common.errors import LoadingError, ModelError, ModelWarning
from ..common.places import described, place_of, users_code, users_frame

T = TypeVar("T")


def loaded(
    load_model: Callable[[], T], folder: Path, files: Sequence[Path] = ()
) -> tuple[T, tuple[ModelWarning, ...]]:
    """What load_model() returns, and what should be said of it: notes are `ModelNote`.

    Args:
        folder: The script's, for messages.
        files: What holds the whole model, where no factory makes it.

    Raises:
        ModelError: It failed, in its own words.
    """
    told = partial(_load_error, load_model, folder, files)
    with users_code(told), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ModelWarning)
        model = load_model()
    said = []
    for each in caught:
        if isinstance(each.message, ModelWarning):
            said.append(each.message)
        else:
            warnings.warn_explicit(
                each.message, each.category, each.filename, each.lineno
            )
    return model, tuple(said)


def made_by(load_model: Callable[[], object], modules: Sequence[str]) -> bool:
    """Whether load_model() takes the model from one of the user's modules."""
    code = getattr(load_model, "__code__", None)
    return any(name in getattr(code, "co_names", ()) for name in modules)


def _load_error(
    load_model: Callable[..., object],
    folder: Path,
    files: Sequence[Path],
    error: BaseException,
) -> ModelError:
    """What load_model() raised, in two lines, and where to look."""
    torch = _is_torch(load_model)
    remedy = _remedy_of_files(files) if files else _remedy(error, folder, torch)
    frame = users_frame(error)
    own = frame is not None and frame.name == getattr(load_model, "__name__", "")
    if frame and own and not files and isinstance(error, TypeError | AttributeError):
        returning = not frame.line or frame.line.startswith("return")
        remedy = _remedy_of_call(error, returning, torch) or remedy
    said = f"load_model() failed{place_of(error)}: {described(error)}"
    return LoadingError(said, remedy)


def _remedy_of_files(files: Sequence[Path]) -> str:
    names = " and ".join(path.name for path in files)
    return f"Check model.path in the spec: it names {names}, which must be whole."


def _is_torch(load_model: Callable[..., object]) -> bool:
    """By what the script says that load_model() returns."""
    returned = getattr(load_model, "__annotations__", {}).get("return")
    return returned == "torch.nn.Module"


UNKNOWN = re.compile(r"unexpected keyword argument '(\w+)'")
MISSING = re.compile(r"missing \d+ required .*arguments?: '(\w+)'")


def _remedy_of_call(error: BaseException, returning: bool, torch: bool) -> str:
    """What helps where a statement of load_model() itself failed, "" if that is not told.

    Args:
        returning: Whether it is the last one, which the factory's model goes into, or
            may be; else it is the call of the factory.
    """
    model = "module" if torch else "model"
    if unknown := UNKNOWN.search(str(error)):
        return (
            f"Check model.factory.args.{unknown[1]} in the spec: the factory, or what it "
            "hands its arguments on to, takes none of this name."
        )
    missing = MISSING.search(str(error))
    if missing and missing[1] != "self":
        return (
            "model.factory is called without arguments that it needs: write `factory: "
            f"{{python: package.module:callable, args: {{{missing[1]}: ...}}}}`."
        )
    if missing:
        return f"model.factory returns a {model}, no class: give the spec a function."
    if returning:
        wanted = "a torch.nn.Module" if torch else "the model itself"
        return f"model.factory must return {wanted}: no class, dict or tuple."
    return ""


def _remedy(error: BaseException, folder: Path, torch: bool) -> str:
    """What helps where anything failed."""
    model = "module" if torch else "model"
    if isinstance(error, ModuleNotFoundError):
        if error.name == "safetensors":
            return "Install it: pip install safetensors."
        return (
            f"A module of your own is looked for beside the script, in {folder}; any "
            "other must be installed."
        )
    if isinstance(error, ImportError):
        return "Check model.factory in the spec: its module has no such name."
    return (
        "Check model.factory and model.weights in the spec: the factory returns a "
        f"{model}, the weights are {'its state dict' if torch else 'its own'}, saved "
        "whole."
    )
