"""A placement becomes a graph, a graph becomes a SavedModel."""

from .. import ir  # noqa: F401
