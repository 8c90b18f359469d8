"""A placement becomes a graph, a graph becomes a SavedModel."""

from ..ir import first_import  # noqa: F401
