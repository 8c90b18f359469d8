"""Names with a prefix too many: DataParallel's `module.`, torch.compile's `_orig_mod.`"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .....common.errors import ModelError

SHOWN = 3


def without_prefix(
    weights: Mapping[str, Any], prefix: str, place: str
) -> Mapping[str, Any]:
    """The weights by their names without a prefix, which all of them must have.

    Args:
        place: What holds them, for messages.

    Raises:
        ModelError: Some don't have it, or it ends amid a name.
    """
    if not prefix:
        return weights
    others = [str(name) for name in weights if not str(name).startswith(prefix)]
    if others:
        raise _not_of_all(prefix, others, len(weights), place)
    found = {name.removeprefix(prefix): value for name, value in weights.items()}
    amid = next((name for name in found if not name or name.startswith(".")), None)
    if amid is not None:
        raise ModelError(
            f"model.strip_prefix `{prefix}` leaves `{amid}` of `{prefix}{amid}` in {place}",
            f"Write `strip_prefix: {spelled(prefix + '.')}`."
            if amid
            else "It is a whole name: leave out strip_prefix, or write less of it.",
        )
    return found


def spelled(prefix: str) -> str:
    """The prefix as YAML reads it for a text."""
    return prefix if re.fullmatch(r"[A-Za-z_][\w.]*", prefix) else json.dumps(prefix)


def _not_of_all(prefix: str, others: list[str], count: int, place: str) -> ModelError:
    named = ", ".join(f"`{name}`" for name in others[:SHOWN])
    more = ", ..." if len(others) > SHOWN else ""
    begins = count - len(others)
    said = f"{begins} of {count}" if begins else f"none of {count}"
    return ModelError(
        f"model.strip_prefix `{prefix}` begins {said} names in {place}, not {named}{more}",
        "Write what all begin with, or save what belongs to the model alone: "
        f'torch.save({{k: v for k, v in torch.load(path, map_location="cpu").items() '
        f"if k.startswith({prefix!r})}}, new_path)."
        if begins
        else "Leave it out, or write what they begin with.",
    )
