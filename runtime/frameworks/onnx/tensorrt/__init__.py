"""TensorRT, which is not executed here: the schema says what it may take."""

from __future__ import annotations

from ..portable.answers import answer as answer
from ..portable.answers import devices as devices
from ..runtime import LIBRARIES, Runtime

dependencies: tuple[str, ...] = LIBRARIES
executes = False

_runtime = Runtime(__name__)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
signature, trace = _runtime.signature, _runtime.trace
