"""Files in: SavedModels, frozen graphs, Keras, what they declare and what they may hold."""

from .. import ir  # noqa: F401
