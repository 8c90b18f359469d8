"""A placement becomes a graph, a graph becomes a SavedModel."""

from .. import first_import  # noqa: F401
