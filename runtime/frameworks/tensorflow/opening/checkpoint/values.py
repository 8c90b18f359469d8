"""The values in a checkpoint: a SavedModel's variables."""

from __future__ import annotations

import re
from math import prod
from pathlib import Path

import numpy as np
import tensorflow as tf

from .....common.errors import DamagedError, ModelError
from ....protocol import Array
from ..untrusted.sizes import SPARE
from .objects import OBJECTS
from .restores import Restores, Stored


class Checkpoint:
    """Reads tensors when they are asked for.

    Args:
        prefix: Path of the bundle without `.index`.
        place: What messages start with.

    Raises:
        ModelError: It is missing or damaged.
    """

    def __init__(self, prefix: Path, place: str) -> None:
        self.place, self.prefix = place, prefix
        try:
            self._reader = tf.train.load_checkpoint(str(prefix))
            self._shapes = self._reader.get_variable_to_shape_map()
            self._dtypes = self._reader.get_variable_to_dtype_map()
            files = prefix.parent.glob(f"{prefix.name}.data-*")
            self._held = sum(each.stat().st_size for each in files)
        except Exception as error:  # TensorFlow's and Python's types
            raise DamagedError(
                f"{place}: the variables in {prefix.parent.name}/ can't be read: "
                f"{_short(error)}",
                "The folder is not whole: copy it again.",
            ) from error

    def check(self, variable: str, found: Restores) -> None:
        """Raise a ModelError unless the checkpoint has the variable's values."""
        for stored in found.get(variable, ()):
            if stored.key not in self._shapes:
                raise ModelError(
                    f"{self.place}: the checkpoint has no {stored.key} for {variable}",
                    "The folder is not whole: copy it again.",
                )
            if self.bytes(stored) > self._held + SPARE:
                raise ModelError(
                    f"{self.place}: variable {stored.key} declares "
                    f"{self.bytes(stored)} bytes, all of {self.prefix.parent.name}/ has "
                    f"{self._held}",
                    "The folder is damaged: copy it again.",
                )
        if variable not in found:
            raise ModelError(
                f"{self.place}: nothing says where the values of {variable} are",
                "Save the model again: a Keras model with model.export().",
            )

    @property
    def objects(self) -> bytes:
        """The objects that it was saved from, empty if it doesn't say."""
        if OBJECTS not in self._shapes:
            return b""
        found: bytes = self._reader.get_tensor(OBJECTS)
        return found

    def bytes(self, stored: Stored) -> int:
        """Size of a stored tensor, its slice aside."""
        dtype = self._dtypes[stored.key]
        return int(prod(self._shapes[stored.key])) * int(dtype.size or 1)

    def value(self, stored: Stored) -> Array:
        """A tensor, or its slice.

        Raises:
            ModelError: It can't be read.
        """
        try:
            found: Array = np.asarray(self._reader.get_tensor(stored.key))
        except Exception as error:  # as above
            raise DamagedError(
                f"{self.place}: variable {stored.key} can't be read: {_short(error)}",
                "The folder is not whole: copy it again.",
            ) from error
        if not stored.slice:
            return found
        return found[_slices(stored.slice)]


def _slices(text: str) -> tuple[slice, ...]:
    """`shape start,length:start,length`, `-` for all of a dimension."""
    found = []
    for each in text.rpartition(" ")[2].split(":"):
        start, _, length = each.partition(",")
        found.append(
            slice(None) if start == "-" else slice(int(start), int(start) + int(length))
        )
    return tuple(found)


def _short(error: Exception) -> str:
    said = re.sub(r"\s+", " ", str(error)).strip()
    return said[:200]
