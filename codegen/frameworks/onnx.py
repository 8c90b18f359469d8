"""ONNX: one file, and an adapter for each runtime that will execute it."""

from __future__ import annotations

from types import MappingProxyType

from narrowcast.spec import Spec

from ..code import Code
from ..layout import Group
from ..paths import here
from ..script import FileModel
from .framework import Framework, returned, trust

ADAPTERS = "narrowcast.runtime.frameworks.onnx"


def model_section(spec: Spec, folder: str) -> FileModel:
    """The file's model."""
    where = here(spec.model.path or "", folder)
    loading = Group("load_onnx(", (where, *trust(spec)), ")")
    return FileModel("onnx/model.py.j2", returned(spec, loading))


def tensor(spec: Spec, array: Code, dtype: Code) -> Code:
    """The array itself."""
    return array


def _framework(
    title: str, lowest: str, pin: str, adapter: str, executed: bool
) -> Framework:
    return Framework(
        title=title,
        extra="onnx",
        lowest=lowest,
        pins=(pin,),
        templates="onnx",
        adapter=(ADAPTERS, adapter),
        ending=".onnx",
        model=model_section,
        tensor=tensor,
        executed=executed,
    )


RUNTIMES = MappingProxyType(
    {
        "openvino": _framework(
            "OpenVINO", "openvino>=2025.0", "openvino~=2026.4", "openvino", True
        ),
        "onnxruntime": _framework(
            "ONNX Runtime",
            "onnxruntime>=1.20",
            "onnxruntime~=1.32",
            "onnxruntime",
            True,
        ),
        "tensorrt": _framework(
            "TensorRT", "onnx>=1.19", "onnx~=1.23", "tensorrt", False
        ),
        "any": _framework("ONNX", "onnx>=1.19", "onnx~=1.23", "portable", False),
    }
)
"""`model.runtime` → what its scripts have in common."""
