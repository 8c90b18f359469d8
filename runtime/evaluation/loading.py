"""Calling a script's load_model(): what it warns of, and why it fails."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from ..common.errors import ModelError, ModelWarning
from ..common.places import described, place_of, users_code, users_frame

T = TypeVar("T")


def loaded(load_model: Callable[[], T], folder: Path) -> tuple[T, tuple[str, ...]]:
    """What load_model() returns, and what should be said of it.

    Args:
        folder: The script's, for messages.

    Raises:
        ModelError: It failed, in its own words.
    """
    told = partial(_load_error, load_model, folder)
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


def _load_error(
    load_model: Callable[..., object], folder: Path, error: BaseException
) -> ModelError:
    """What load_model() raised, in two lines, and where to look."""
    frame = users_frame(error)
    own = frame is not None and frame.name == getattr(load_model, "__name__", "")
    return ModelError(
        f"load_model() failed{place_of(error)}: {described(error)}",
        _remedy(error, own, folder),
    )


def _remedy(error: BaseException, own: bool, folder: Path) -> str:
    """What helps.

    Args:
        own: Whether the statement that failed is load_model()'s own: the call of the
            factory, or what it does with the factory's module.
    """
    if isinstance(error, ModuleNotFoundError):
        return (
            f"Modules are looked for beside the script, in {folder}, and among what is "
            "installed (safetensors: pip install safetensors)."
        )
    if isinstance(error, ImportError):
        return "Check model.factory in the spec: its module has no such name."
    if own and isinstance(error, TypeError) and "argument" in str(error):
        return (
            "model.factory is called without arguments and returns a module, no class: "
            "give the spec a function that fills them in."
        )
    if own and isinstance(error, TypeError | AttributeError):
        return "model.factory must return a torch.nn.Module: no class, dict or tuple."
    return (
        "Check model.factory and model.weights in the spec: the factory returns a "
        "module, the weights are its state dict, saved whole."
    )
