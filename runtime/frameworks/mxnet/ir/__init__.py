"""A network as plain data: nodes, operators and their kinds, FLOPs, parameters."""
