"""A GraphDef as the adapter sees it: references, operators and their kinds, FLOPs, regions."""

from .. import first_import  # noqa: F401
