"""One run of a generated script, step by step."""

from .options import Options
from .run import Run

__all__ = ["Options", "Run"]
