"""Paths in a script: relative to the script's own folder, POSIX."""

from __future__ import annotations

import posixpath

from .code import Code, literal
from .layout import Quotient


def here(path: str, folder: str) -> Quotient:
    """The expression for a spec's path.

    Args:
        path: As the spec has it, relative to the spec.
        folder: From the script's folder to the spec's, "" if they are one.
    """
    joined = posixpath.normpath(posixpath.join(folder, path))
    return Quotient(Code("HERE"), literal(joined))
