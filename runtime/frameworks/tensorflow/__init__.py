"""TensorFlow: SavedModel, frozen GraphDef and Keras in, SavedModel out."""

from __future__ import annotations

from . import first_import  # noqa: F401  # isort: skip
from .archive import load_saved
from .endpoints import signature
from .frozen import Model
from .frozen_graph import load_frozen_graph
from .keras_files import load_keras, load_keras_weights
from .keras_model import keras_model
from .predict import predictor
from .program import Program, trace
from .saved_model import load_saved_model

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
