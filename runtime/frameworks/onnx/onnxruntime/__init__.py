"""ONNX Runtime executes the model on this machine's CPU."""

from __future__ import annotations

from ..portable.answers import devices as devices
from ..runtime import LIBRARIES, Runtime
from .answers import answer as answer

dependencies: tuple[str, ...] = ("onnxruntime", *LIBRARIES)
executes = True

_runtime = Runtime(__name__)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
signature, trace = _runtime.signature, _runtime.trace
