"""Spec → Script → source text → written, checked or shown."""

from .compile import compile_script, default_name
from .render import render
from .script import Script
from .writing.output import OutputError, difference, is_same, read, write

__all__ = [
    "OutputError",
    "Script",
    "compile_script",
    "default_name",
    "difference",
    "is_same",
    "read",
    "render",
    "write",
]
