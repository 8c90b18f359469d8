"""A GraphDef as the adapter sees it: names, kinds of ops, FLOPs, regions, weights."""
