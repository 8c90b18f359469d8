"""Files in: SavedModels, frozen graphs, Keras, what they declare and what they may hold."""

from ..ir import first_import  # noqa: F401
