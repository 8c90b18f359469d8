"""Functions of a graph: inlined calls, variables, constants handed in, effects."""
