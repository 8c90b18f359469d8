"""The trained weights as NumPy arrays, for frameworks that can't read PyTorch's file."""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

WEIGHTS = Path(__file__).parent / "data" / "mnist_cnn.pth"


def layers() -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of three convolutions (out, in, 3, 3) and two linear layers
    (out, in), fp32, in order."""
    with zipfile.ZipFile(WEIGHTS) as archive:
        (index,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        folder = index.removesuffix("data.pkl")

        def read(key: str) -> bytes:
            return archive.read(f"{folder}data/{key}")

        found = list(Tensors(io.BytesIO(archive.read(index)), read).load().values())
    return list(zip(found[::2], found[1::2], strict=True))


class Tensors(pickle.Unpickler):
    """Reads a state dict of fp32 tensors, and nothing else that a pickle can name."""

    def __init__(self, file: io.BytesIO, read: Callable[[str], bytes]) -> None:
        super().__init__(file)
        self.read = read

    def find_class(self, module: str, name: str) -> object:
        known = {
            ("torch._utils", "_rebuild_tensor_v2"): strided,
            ("torch", "FloatStorage"): np.float32,
            ("collections", "OrderedDict"): OrderedDict,
        }
        return known[module, name]

    def persistent_load(self, pid: tuple) -> np.ndarray:
        _kind, dtype, key, _place, _size = pid
        return np.frombuffer(self.read(key), dtype)


def strided(storage, offset, size, stride, *_rest) -> np.ndarray:
    """The tensor of this size and stride in a storage."""
    steps = [step * storage.itemsize for step in stride]
    view = np.lib.stride_tricks.as_strided(storage[offset:], size, steps)
    return np.ascontiguousarray(view)
