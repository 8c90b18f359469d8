"""TensorFlow: SavedModel, frozen GraphDef and Keras in, SavedModel out."""

from __future__ import annotations

from .archive import load_saved
from .predict import predictor
from .program import Program, trace

__all__ = ["Program", "load_saved", "predictor", "trace"]
