"""A GraphDef as the adapter sees it: names, kinds of ops, FLOPs, regions, weights."""

from . import first_import  # noqa: F401
