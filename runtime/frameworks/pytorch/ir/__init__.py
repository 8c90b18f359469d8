"""A GraphModule as the adapter sees it: nodes, operators and their kinds, FLOPs, names, regions."""
