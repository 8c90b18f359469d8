"""Functions of a graph: inlined calls, variables, side effects, what is needed."""

from .. import ir  # noqa: F401
