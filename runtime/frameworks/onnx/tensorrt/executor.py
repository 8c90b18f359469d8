"""TensorRT, imitated: `trtexec --stronglyTyped --noTF32` runs a model so."""

from __future__ import annotations

from ..running import switches
from ..running.imitation.executor import Imitated

EXECUTOR = Imitated("TensorRT", switches.TENSORRT)
