"""The codes of all that narrowcast refuses or notes, and what each means.

`python -m narrowcast.codes` prints docs/errors.md.
"""

from __future__ import annotations

from .table import document, explained_code, is_code

__all__ = ["document", "explained_code", "is_code"]
