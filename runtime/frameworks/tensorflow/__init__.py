"""TensorFlow: SavedModel, frozen GraphDef and Keras in, SavedModel out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...common.optional import lazily

if TYPE_CHECKING:
    from .answers import answer as answer
    from .answers import devices as devices
    from .ir.frozen import Model as Model
    from .opening.frozen_graph import load_frozen_graph as load_frozen_graph
    from .opening.keras.load import load_keras as load_keras
    from .opening.keras.load import load_keras_weights as load_keras_weights
    from .opening.keras.model import keras_model as keras_model
    from .opening.saved_model import load_saved_model as load_saved_model
    from .opening.signature import output_names as output_names
    from .opening.signature import signature as signature
    from .opening.supplied import open_supplied as open_supplied
    from .program import Program as Program
    from .program import trace as trace
    from .running.predict import as_tensor as as_tensor
    from .running.predict import predictor as predictor
    from .writing.archive import load_saved as load_saved
    from .writing.native import native as native
    from .writing.native import open_native as open_native

dependencies: tuple[str, ...] = ("tensorflow", "keras", "h5py", "ml_dtypes", "protobuf")
executes = True

__getattr__ = lazily(__name__)
