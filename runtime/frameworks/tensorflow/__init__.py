"""TensorFlow: SavedModel, frozen GraphDef and Keras in, SavedModel out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..imported import lazily

if TYPE_CHECKING:
    from .answers import answer, devices
    from .ir.frozen import Model
    from .opening.frozen_graph import load_frozen_graph
    from .opening.keras.load import load_keras, load_keras_weights
    from .opening.keras.model import keras_model
    from .opening.saved_model import load_saved_model
    from .opening.signature import signature
    from .program import Program, trace
    from .running.predict import predictor
    from .writing.archive import load_saved

__all__ = [
    "Model",
    "Program",
    "answer",
    "dependencies",
    "devices",
    "executes",
    "keras_model",
    "load_frozen_graph",
    "load_keras",
    "load_keras_weights",
    "load_saved",
    "load_saved_model",
    "predictor",
    "signature",
    "trace",
]

dependencies: tuple[str, ...] = (
    "tensorflow",
    "keras",
    "h5py",
    "ml_dtypes",
    "protobuf",
)
executes = True

__getattr__ = lazily(
    __name__,
    {
        **dict.fromkeys(("answer", "devices"), ".answers"),
        "Model": ".ir.frozen",
        "load_frozen_graph": ".opening.frozen_graph",
        "load_keras": ".opening.keras.load",
        "load_keras_weights": ".opening.keras.load",
        "keras_model": ".opening.keras.model",
        "load_saved_model": ".opening.saved_model",
        "signature": ".opening.signature",
        **dict.fromkeys(("Program", "trace"), ".program"),
        "predictor": ".running.predict",
        "load_saved": ".writing.archive",
    },
)
