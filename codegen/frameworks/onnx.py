"""ONNX: one file, and an adapter for each runtime that will execute it."""

from __future__ import annotations

from types import MappingProxyType

from narrowcast.spec import Spec
from narrowcast.spec.releases.frameworks import (
    ON_ANY,
    ON_ONNXRUNTIME,
    ON_OPENVINO,
    Releases,
)

from ..sections import LoadModel
from ..writing.code import Code
from .framework import Framework, opened, selected, supplied

ONNX = "narrowcast.runtime.frameworks.onnx"


def load_model(spec: Spec) -> LoadModel:
    """The file's model."""
    if spec.model.supplied:
        return supplied(spec, ONNX, selected(spec))
    arguments = (Code("MODEL"), *selected(spec))
    return opened(spec, (ONNX, "load_onnx"), arguments, "The trained model.")


def tensor(spec: Spec, array: Code, dtype: Code) -> Code:
    """The array itself."""
    return array


def _framework(
    title: str, releases: Releases, adapter: str, executed: bool
) -> Framework:
    return Framework(
        title=title,
        extra="onnx",
        releases=releases,
        package=ONNX,
        adapter=(ONNX, adapter),
        ending=".onnx",
        model=load_model,
        tensor=tensor,
        tensor_type=Code("npt.NDArray[np.generic]"),
        tensor_imports=(),
        type_imports=(("numpy.typing as npt", ""), (ONNX, "Model")),
        executed=executed,
    )


RUNTIMES = MappingProxyType(
    {
        "openvino": _framework("OpenVINO", ON_OPENVINO, "openvino", True),
        "onnxruntime": _framework("ONNX Runtime", ON_ONNXRUNTIME, "onnxruntime", True),
        "tensorrt": _framework("TensorRT", ON_ANY, "tensorrt", False),
        "any": _framework("ONNX", ON_ANY, "portable", False),
    }
)
"""`model.runtime` → what its scripts have in common."""
