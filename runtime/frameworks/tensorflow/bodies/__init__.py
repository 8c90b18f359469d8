"""Functions of a graph: inlined calls, variables, constants handed in, effects."""

from .. import first_import  # noqa: F401
