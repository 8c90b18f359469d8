"""What scripts say in each framework's own API: one module for each."""

from __future__ import annotations

from types import MappingProxyType

from narrowcast import __version__
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

SAFETENSORS = "safetensors~=0.4"


def framework_of(spec: Spec) -> Framework:
    """What the spec's script is written in."""
    return FRAMEWORKS[spec.model.runtime or spec.model.framework]


def dependencies(spec: Spec) -> tuple[str, ...]:
    """Requirements of a script, for its PEP 723 block."""
    framework = framework_of(spec)
    major, minor = __version__.split(".")[:2]
    reads = (SAFETENSORS,) if pytorch.is_safetensors(spec.model.weights or "") else ()
    ours = f"narrowcast[{framework.extra}]=={major}.{minor}.*"
    return (ours, *framework.pins, *reads)
