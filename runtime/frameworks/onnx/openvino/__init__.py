"""OpenVINO executes the model on this machine's CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..portable.answers import devices as devices
from ..runtime import LIBRARIES, Runtime
from .answers import answer as answer

if TYPE_CHECKING:
    from ..running.session import Executor

dependencies: tuple[str, ...] = ("openvino", *LIBRARIES)
executes = True


def _executor() -> Executor:
    from .executor import EXECUTOR

    return EXECUTOR


_runtime = Runtime(_executor)
load_saved, predictor = _runtime.load_saved, _runtime.predictor
native, open_native = _runtime.native, _runtime.open_native
signature, as_tensor, trace = _runtime.signature, _runtime.as_tensor, _runtime.trace
output_names, data_files = _runtime.output_names, _runtime.data_files
