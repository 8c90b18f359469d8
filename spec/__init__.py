"""What a user may write: YAML text → Spec, or every mistake at its place."""

from .canonical import canonical
from .load import check, load, loads, read
from .reading.diagnostics import Diagnostic, SpecError, format_diagnostic
from .reference.schema import json_schema
from .spec import Spec

__all__ = [
    "Diagnostic",
    "Spec",
    "SpecError",
    "canonical",
    "check",
    "format_diagnostic",
    "json_schema",
    "load",
    "loads",
    "read",
]
