"""CIFAR's batches are pickles, which can run any code: here nothing in one runs.

A pickle names what makes its objects. Those that a batch has are stood in for by what
only keeps their parts; every other name is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError, first_line


class _Array:
    """Keeps what an array is pickled as: version, shape, dtype, order and bytes."""

    state: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self.state = tuple(state)


class _Dtype:
    """Keeps a dtype's code."""

    def __init__(self, code: object, *_rest: object) -> None:
        self.code = code

    def __setstate__(self, _state: Any) -> None:
        """Byte order and alignment: of no matter to bytes."""


def _made(*_arguments: object) -> _Array:
    return _Array()


def _from_buffer(
    buffer: bytes | bytearray, dtype: object, shape: Any, order: object
) -> _Array:
    """An array as protocol 5 pickles it."""
    made = _Array()
    made.state = (1, shape, dtype, order == "F", bytes(buffer))
    return made


def _encoded(text: object, _encoding: object = None) -> bytes:
    """Bytes as Python 3 pickles them for Python 2."""
    if not isinstance(text, str):
        raise pickle.UnpicklingError("bytes that are no text")
    return text.encode("latin-1")


NAMES: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _made,
    ("numpy._core.multiarray", "_reconstruct"): _made,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encoded,
}
"""All that a batch may name → what stands in for it."""


def _load_bytearray(unpickler: Any) -> None:
    """Of as many bytes as there are: pickle makes room for those that are announced."""
    size = int.from_bytes(unpickler.read(8), "little")
    data = unpickler.read(size)
    if len(data) < size:
        raise pickle.UnpicklingError("it is cut off")
    unpickler.append(bytearray(data))


class _Unpickler(pickle._Unpickler):
    """In Python: the one in C takes as much memory as a number in the file asks for."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **pickle._Unpickler.dispatch,
        pickle.BYTEARRAY8[0]: _load_bytearray,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return NAMES[module, name]


def read_batch(
    path: Path, key: str
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The images and labels of one of CIFAR's files.

    Args:
        path: The file.
        key: What its labels are called.

    Returns:
        uint8 (samples, values) as stored; int64 (samples,).

    Raises:
        DataError: The file is none of CIFAR's.
    """
    try:
        with path.open("rb") as file:
            batch = _Unpickler(file, encoding="bytes").load()
        found = {_key(name): value for name, value in dict(batch).items()}
        labels = np.array([_number(each) for each in found[key]], np.int64)
        return _pixels(found["data"]), labels
    except Exception as error:  # a damaged pickle fails in any way
        raise DataError(
            f"{path.name} is no batch of CIFAR's: {first_line(error)}",
            "Unpack the archive for Python again.",
        ) from error


def _number(label: object) -> int:
    if not isinstance(label, int):
        raise ValueError(f"a label is {label!r:.50}, no whole number")
    return label


def _key(name: object) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else str(name)


def _pixels(array: object) -> npt.NDArray[np.uint8]:
    if not isinstance(array, _Array):
        raise ValueError("its data is no array")
    _version, shape, dtype, fortran, data = array.state
    code = _key(dtype.code) if isinstance(dtype, _Dtype) else ""
    if code not in ("u1", "|u1") or not isinstance(data, bytes):
        raise ValueError(f"its data is of dtype {code}, not of bytes")
    pixels = np.frombuffer(data, np.uint8)
    return pixels.reshape(tuple(shape), order="F" if fortran else "C")
