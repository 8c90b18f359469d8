"""What a script's own header says: its PEP 723 block."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"(?m)^# /// script$\n(?P<body>(?:^#(?:| .*)$\n)+?)^# ///$")
"""As in the inline script metadata specification of packaging.python.org."""


def spec_sha256(script: Path) -> str:
    """Hash of the spec that the script was generated from, "" if it doesn't say."""
    return str(_table(script).get("spec-sha256", ""))


def spec_file(script: Path) -> str:
    """That spec's file, relative to the script, "" if it doesn't say."""
    return str(_table(script).get("spec", ""))


def _table(script: Path) -> dict[str, Any]:
    text = script.read_text(encoding="utf-8") if script.is_file() else ""
    found = BLOCK.search(text)
    if found is None:
        return {}
    lines = found["body"].splitlines(keepends=True)
    try:
        block = tomllib.loads("".join(line[2:] or "\n" for line in lines))
    except tomllib.TOMLDecodeError:
        return {}
    table: dict[str, Any] = block.get("tool", {}).get("narrowcast", {})
    return table
