"""What a look into a model's file finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output.

    Attributes:
        name: As the model has it.
        shape: Sizes, and symbols (Python names) of those that vary; None where the file
            doesn't say.
        dtype: NumPy's name, or "string"; "" where the file doesn't say, or where specs
            have no such dtype.
    """

    name: str
    shape: tuple[int | str, ...] | None = None
    dtype: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What goes in and out of a model.

    Attributes:
        keys: More keys of `model` that the file tells: `signature`, `weights`.
        unsure: What could not be told, in sentences.
    """

    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[str, ...] = ()
    keys: Mapping[str, str] | None = None
    unsure: tuple[str, ...] = ()


class Symbols:
    """Names of sizes that vary, one for each: the first axis is the batch's."""

    def __init__(self) -> None:
        self._names: dict[object, str] = {}

    def named(self, size: object, axis: int) -> str:
        """The symbol of a size.

        Args:
            size: What the file calls it; None for one that nothing else is.
            axis: Where it stands in a shape.
        """
        from narrowcast.spec.sections.fields import is_name

        if size is None and axis == 0:
            return "batch"
        key = object() if size is None else size
        if key not in self._names:
            own = isinstance(size, str) and size.isascii() and is_name(size)
            taken = {*self._names.values()}
            name = str(size) if own else f"size_{len(self._names) + 1}"
            if axis == 0 and "batch" not in taken:
                name = "batch"
            self._names[key] = name if name not in taken else f"{name}_{len(taken)}"
        return self._names[key]
