"""TensorFlow: SavedModel, frozen GraphDef and Keras in, SavedModel out."""

from __future__ import annotations

from . import first_import  # noqa: F401  # isort: skip
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
