"""A model, or weights, that the spec names by a path."""

from __future__ import annotations

from pathlib import Path

from ...common.errors import ModelError


def not_there(path: Path, place: str, wanted: str = "") -> ModelError:
    """There is nothing at a path, which is most often a wrong folder.

    Args:
        path: Where it was looked for.
        place: What messages start with: "model.path: net.onnx".
        wanted: What else the user may want to know, as a sentence.
    """
    remedy = f"Paths are relative to the spec. {wanted}".rstrip()
    return ModelError(f"{place} does not exist ({path})", remedy)
