"""Calling a script's load_model(): what it warns of, and why it fails."""

from __future__ import annotations

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
) -> tuple[T, tuple[str, ...]]:
    """What load_model() returns, and what should be said of it.

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
    said = [w for w in caught if issubclass(w.category, ModelWarning)]
    for other in caught:
        if other not in said:
            warnings.warn_explicit(
                other.message, other.category, other.filename, other.lineno
            )
    return model, tuple(str(each.message) for each in said)


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
    frame = users_frame(error)
    own = frame is not None and frame.name == getattr(load_model, "__name__", "")
    return LoadingError(
        f"load_model() failed{place_of(error)}: {described(error)}",
        _remedy_of_files(files)
        if files
        else _remedy(error, own, folder, _is_torch(load_model)),
    )


def _remedy_of_files(files: Sequence[Path]) -> str:
    names = " and ".join(path.name for path in files)
    return f"Check model.path in the spec: it names {names}, which must be whole."


def _is_torch(load_model: Callable[..., object]) -> bool:
    """By what the script says that load_model() returns."""
    returned = getattr(load_model, "__annotations__", {}).get("return")
    return returned == "torch.nn.Module"


def _remedy(error: BaseException, own: bool, folder: Path, torch: bool) -> str:
    """What helps.

    Args:
        own: Whether the statement that failed is load_model()'s own: the call of the
            factory, or what it does with the factory's module.
        torch: Whether the framework is PyTorch.
    """
    model = "module" if torch else "model"
    if isinstance(error, ModuleNotFoundError):
        return (
            f"Modules are looked for beside the script, in {folder}, and among what is "
            "installed (safetensors: pip install safetensors)."
        )
    if isinstance(error, ImportError):
        return "Check model.factory in the spec: its module has no such name."
    if own and isinstance(error, TypeError) and "argument" in str(error):
        return (
            f"model.factory is called without arguments and returns a {model}, no class: "
            "give the spec a function that fills them in."
        )
    if own and isinstance(error, TypeError | AttributeError):
        wanted = "a torch.nn.Module" if torch else "the model itself"
        return f"model.factory must return {wanted}: no class, dict or tuple."
    return (
        "Check model.factory and model.weights in the spec: the factory returns a "
        f"{model}, the weights are {'its state dict' if torch else 'its own'}, saved "
        "whole."
    )
