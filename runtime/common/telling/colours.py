"""Whether a stream is shown in colours, and the few that there are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

STYLES = {"error": "1;31", "note": "1;36", "place": "1", "caret": "1;31"}
"""Kind of part → its style, as terminals have them (ECMA-48, SGR)."""


def is_coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to colour what is written to a stream.

    NO_COLOR beats FORCE_COLOR and CLICOLOR_FORCE, which beat CLICOLOR=0, TERM=dumb and
    that it is no terminal (no-color.org, force-color.org, bixense.com/clicolors).
    """
    if environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environ.get(name, "0") not in ("", "0"):
            return True
    if environ.get("CLICOLOR") == "0" or environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # none, or closed
        return False


def coloured(kind: str, text: str) -> str:
    """The text in the style of its kind."""
    return f"\x1b[{STYLES[kind]}m{text}\x1b[0m"


def headed(code: str, said: str, colour: bool, what: str = "error") -> str:
    """`error[NC401]: what is said`."""
    head = f"{what}[{code}]"
    return f"{coloured('error', head) if colour else head}: {said}"
