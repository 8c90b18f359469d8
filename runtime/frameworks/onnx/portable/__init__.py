"""Any runtime that takes ONNX; none is executed: the schema says what it may take."""

from __future__ import annotations

from ..runtime import LIBRARIES, Runtime
from .answers import answer as answer
from .answers import devices as devices

dependencies: tuple[str, ...] = LIBRARIES
executes = False

_runtime = Runtime(__name__)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
signature, trace = _runtime.signature, _runtime.trace
