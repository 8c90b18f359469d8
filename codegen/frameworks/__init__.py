"""What scripts say in each framework's own API: one module for each."""

from __future__ import annotations

from types import MappingProxyType

from narrowcast.spec import Spec

from . import mxnet, onnx, pytorch, tensorflow
from .framework import Framework

FRAMEWORKS = MappingProxyType(
    {
        "pytorch": pytorch.FRAMEWORK,
        "tensorflow": tensorflow.FRAMEWORK,
        "mxnet": mxnet.FRAMEWORK,
        **onnx.RUNTIMES,
    }
)
"""Framework, or the runtime of an ONNX model → what its scripts have in common."""


def framework_of(spec: Spec) -> Framework:
    """What the spec's script is written in."""
    return FRAMEWORKS[spec.model.runtime or spec.model.framework]
