"""Functions of a graph: inlined calls, variables, side effects, what is needed."""

from ..ir import first_import  # noqa: F401
