"""TensorRT, imitated: `trtexec --stronglyTyped --noTF32` runs a model so."""

from __future__ import annotations

from ..running import switches
from ..running.imitation import Imitated

EXECUTOR = Imitated("TensorRT", switches.TENSORRT)
