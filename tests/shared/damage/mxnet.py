"""MXNet's symbols and parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from damage.formats import Format
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx

SHAPES = {"conv_weight": (4, 3, 3, 3), "conv_bias": (4,), "out_weight": (5, 64)}


def _files(folder: Path) -> None:
    x = mx.sym.Convolution(
        mx.sym.var("data", shape=(2, 3, 6, 6)), kernel=(3, 3), num_filter=4, name="conv"
    )
    x = mx.sym.relu(mx.sym.pad(x, mode="constant", pad_width=(0,) * 8))
    x = mx.sym.clip(mx.sym.transpose(x, axes=(0, 2, 3, 1)), -3.0, 3.0)
    x = mx.sym.FullyConnected(x, num_hidden=5, no_bias=True, name="out")
    random = np.random.default_rng(0)
    values = {n: mx.nd.array(random.standard_normal(s)) for n, s in SHAPES.items()}
    mx.model.save_checkpoint(str(folder / "net"), 0, x, values, {})


def _symbol(folder: Path) -> Path:
    _files(folder)
    return folder / "net-symbol.json"


def _parameters(folder: Path) -> Path:
    _files(folder)
    return folder / "net-0000.params"


def _open(path: Path) -> Callable[[], object]:
    files = path.parent / "net-symbol.json", path.parent / "net-0000.params"
    model = adapter.load_symbol(*files)
    adapter.signature(model)
    predict = adapter.predictor(model)
    return lambda: predict((np.ones((2, 3, 6, 6), np.float32),))


FORMATS = {
    "-symbol.json": Format(_symbol, _open),
    ".params": Format(_parameters, _open),
}
