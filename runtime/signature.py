"""What the spec says of a model's inputs, held against real data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import DataError


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the model.

    Attributes:
        name: For messages.
        shape: Sizes; a symbol stands for one that varies, equal symbols for equal sizes.
        dtype: NumPy's name.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str

    @property
    def dynamic(self) -> dict[int, str]:
        """Dimension → symbol."""
        return {k: size for k, size in enumerate(self.shape) if isinstance(size, str)}


def check_shapes(inputs: Sequence[Input], shapes: Sequence[tuple[int, ...]]) -> None:
    """Hold the shapes of a batch against the declared ones.

    Raises:
        DataError: Their number, a rank or a size differs.
    """
    if len(inputs) != len(shapes):
        raise DataError(
            f"the data gives {len(shapes)} inputs, model.inputs names {len(inputs)}",
            "Make the dataset and model.inputs agree.",
        )
    symbols: dict[str, int] = {}
    for declared, shape in zip(inputs, shapes, strict=True):
        fits = len(declared.shape) == len(shape) and all(
            size == (symbols.setdefault(want, size) if isinstance(want, str) else want)
            for want, size in zip(declared.shape, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join(map(str, declared.shape))
            raise DataError(
                f"input {declared.name} has shape {shape}, model.inputs says ({wanted})",
                "Make the dataset, its transforms and model.inputs agree.",
            )
