"""TensorRT, imitated: `trtexec --stronglyTyped --noTF32` runs a model so."""

from __future__ import annotations

from ..running.imitation import Imitated

EXECUTOR = Imitated(
    "TensorRT",
    {
        # A network of its own types, or pins would be suggestions.
        "NetworkDefinitionCreationFlag.STRONGLY_TYPED": "1",
        "BuilderFlag.TF32": "0",
    },
)
