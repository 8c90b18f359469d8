"""Spec → Script → source text → written, checked or shown."""

from .compile import compile_script, default_name
from .output import OutputError, difference, read, write
from .render import render
from .script import Script

__all__ = [
    "OutputError",
    "Script",
    "compile_script",
    "default_name",
    "difference",
    "read",
    "render",
    "write",
]
