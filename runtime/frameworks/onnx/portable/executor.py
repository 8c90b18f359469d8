"""No runtime in particular, imitated."""

from __future__ import annotations

from ..running.imitation import Imitated

ANY = Imitated("any ONNX runtime")
