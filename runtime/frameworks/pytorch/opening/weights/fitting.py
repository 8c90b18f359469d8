"""Weights that were read, into the factory's module."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .....common.errors import ModelError, ModelWarning
from ....opening.named import not_there
from .mapped import load
from .mismatch import mismatch
from .prefix import without_prefix
from .tied import with_tied


def fit(
    model: Any, weights: Mapping[str, Any], place: str, strip_prefix: str = ""
) -> None:
    """Load weights into the module.

    Args:
        place: What messages start with: `model.weights: FILE`.
        strip_prefix: What all names begin with, and the module's don't.

    Raises:
        ModelError: They don't fit, hold NaN, or don't all have the prefix; or what the
            factory gave is no module.
    """
    if not isinstance(model, torch.nn.Module):
        raise ModelError(
            f"model.factory gives {_kind(model)}, not a torch.nn.Module",
            "Let it return the module itself.",
        )
    _check_numbers(weights, place)
    own = model.state_dict()
    weights = with_tied(model, without_prefix(weights, strip_prefix, place))
    try:
        with warnings.catch_warnings():
            # Parameters on the meta device stay there; said below, as an error.
            warnings.filterwarnings("ignore", message=".*meta parameter")
            load(model, weights)
    except Exception as error:
        raise mismatch(own, weights, place, error, strip_prefix) from error
    _say_rounding(own, weights, place)


def _kind(value: object) -> str:
    """What a factory gave instead of a module, for messages."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return "None" if value is None else f"an object of {type(value).__name__}"


def _check_numbers(weights: Mapping[str, Any], place: str) -> None:
    for name, value in weights.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            count = int(value.isnan().sum())
            if count:
                raise ModelError(
                    f"{place} holds {count} NaN of {value.numel()} in `{name}`",
                    "Training diverged, or the file is damaged: take another one.",
                )


def _say_rounding(
    own: Mapping[str, torch.Tensor], weights: Mapping[str, Any], place: str
) -> None:
    """Warn of weights that come in another precision: load_state_dict casts silently."""
    other = [
        (name, value.dtype, own[name].dtype)
        for name, value in weights.items()
        if isinstance(value, torch.Tensor)
        and name in own
        and value.is_floating_point()
        and value.dtype != own[name].dtype
    ]
    if other:
        name, held, wanted = other[0]
        text = (
            f"{place} holds {len(other)} of {len(weights)} tensors in another precision "
            f"than the module's (`{name}`: {held}, the module has {wanted}): the fp32 "
            "baseline is the model with these rounded weights"
        )
        warnings.warn(text, ModelWarning, stacklevel=3)


def check_there(path: Path, place: str) -> None:
    """There is a file of weights at the path.

    Raises:
        ModelError: There is none.
    """
    if path.is_dir():
        raise ModelError(f"{place} is a folder", "Name the file in it.")
    if not path.exists():
        raise not_there(path, place)


def short(error: Exception) -> str:
    """What a reader said, in one line."""
    said = " ".join(str(error).split())[:120]
    return said or type(error).__name__
