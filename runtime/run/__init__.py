"""One run of a generated script, step by step."""

from .context import Context, Options
from .run import Run

__all__ = ["Context", "Options", "Run"]
