"""No runtime in particular, imitated."""

from __future__ import annotations

from ..running.imitation.executor import Imitated

EXECUTOR = Imitated("any ONNX runtime")
