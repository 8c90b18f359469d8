"""TensorRT, which is not executed here: the schema says what it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..portable.answers import answer as answer
from ..portable.answers import devices as devices
from ..runtime import LIBRARIES, Runtime

if TYPE_CHECKING:
    from ..running.session import Executor

dependencies: tuple[str, ...] = LIBRARIES
executes = False


def _executor() -> Executor:
    from .executor import EXECUTOR

    return EXECUTOR


_runtime = Runtime(_executor)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
native, open_native = _runtime.native, _runtime.open_native
signature, as_tensor, trace = _runtime.signature, _runtime.as_tensor, _runtime.trace
output_names, data_files = _runtime.output_names, _runtime.data_files
