"""A planted model as one framework sees it: traced, and called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rows
from culprits import Planted

from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.protocol import Predict, Traced
from narrowcast.runtime.graph.graph import Precision

INPUTS = [
    Input(name, ("batch", *shape), "float32") for name, shape in rows.INPUTS.items()
]


@dataclass(frozen=True)
class Model:
    """One planted model in one framework.

    Attributes:
        trace: Traces it on the first batch; all that a search needs to begin.
        predictor: Makes what `Traced.apply` gives callable.
        original: The model as loaded.
        tensor: A NumPy array as the framework's.
    """

    trace: Callable[[], Traced]
    predictor: Callable[[Any], Predict]
    original: Predict
    tensor: Callable[[Any], Any]


def _model(
    case: Planted, name: str, model: Any, tensor: Callable[[Any], Any] = np.asarray
) -> Model:
    """A model in the framework whose adapter has this name."""
    adapter = import_module(f"narrowcast.runtime.frameworks.{name}")
    batch = tuple(map(tensor, case.inputs()[0]))
    return Model(
        lambda: adapter.trace(model, batch, low=case.low, inputs=INPUTS),
        adapter.predictor,
        adapter.predictor(model),
        tensor,
    )


def pytorch(case: Planted) -> Model:
    module = import_module("rows_pytorch").build(case.network)
    return _model(case, "pytorch", module, import_module("torch").from_numpy)


def tensorflow(case: Planted) -> Model:
    with TemporaryDirectory() as folder:
        model = import_module("rows_tensorflow").build(case.network, Path(folder))
    return _model(case, "tensorflow", model)


def mxnet(case: Planted) -> Model:
    return _model(case, "mxnet", import_module("rows_mxnet").build(case.network))


def onnx(case: Planted) -> Model:
    """bf16 on OpenVINO, fp16 on ONNX Runtime: what each has on a CPU."""
    runtime = "openvino" if case.low is Precision.BF16 else "onnxruntime"
    return _model(
        case, f"onnx.{runtime}", import_module("rows_onnx").build(case.network)
    )


FRAMEWORKS: dict[str, Callable[[Planted], Model]] = {
    "pytorch": pytorch,
    "tensorflow": tensorflow,
    "mxnet": mxnet,
    "onnx": onnx,
}
