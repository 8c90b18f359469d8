"""A spec in Neural Compressor's dialect → the same in today's words, with comments."""

from .migrate import migrated

__all__ = ["migrated"]
