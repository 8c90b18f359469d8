"""Costs measured on this machine before, kept in the user's cache folder.

What decides where ops go must be what was measured: an entry that was altered is told
by its checksum, and a folder that others may write to is not used.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...common import jsonl
from ...common.errors import UsageError
from ...common.files import write_bytes

FORMAT = 2

MOST = 64
"""Files that are kept; the oldest are removed."""

LARGEST = 64 * 2**20
"""Bytes beyond which a file is none of ours."""


def folder(environ: Mapping[str, str]) -> Path | None:
    """Where the cache is: NARROWCAST_CACHE, else the platform's place for caches.

    None where the platform knows none.
    """
    given = environ.get("NARROWCAST_CACHE")
    if given:
        return Path(given)
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if sys.platform == "win32":
        base = environ.get("LOCALAPPDATA")
        return Path(base) / "narrowcast" / "Cache" if base else None
    if sys.platform == "darwin":
        return Path(home) / "Library/Caches/narrowcast" if home else None
    base = environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "narrowcast"
    return Path(home) / ".cache/narrowcast" if home else None


def load(place: Path | None, name: str) -> tuple[str, Any] | str | None:
    """When it was measured, and what.

    Text says why what is there is not used; None if it isn't there or is damaged.
    """
    if place is None:
        return None
    path = _path(place, name)
    try:
        others = _open_to_others(path, path.parent, place)
        if others is not None:
            return f"{others} is another user's, or others may write to it"
        if path.stat().st_size > LARGEST:
            return None
        found = jsonl.decoded(path.read_bytes())
        if found["format"] != FORMAT or found["key"] != name:
            return None
        if found["sha256"] != _checksum(found):
            return "what the cache has was altered"
        return str(found["measured"]), found["costs"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _open_to_others(*paths: Path) -> Path | None:
    """The first of those there are that someone else has, or may have, written."""
    for path in paths if hasattr(os, "getuid") else ():
        if path.exists():
            about = path.stat()
            if about.st_uid != os.getuid() or about.st_mode & stat.S_IWOTH:
                return path
    return None


def _checksum(content: Mapping[str, Any]) -> str:
    rest = {key: each for key, each in content.items() if key != "sha256"}
    return hashlib.sha256(jsonl.encoded(rest)).hexdigest()


def store(place: Path | None, name: str, costs: Any) -> None:
    """Keep what was measured just now; a cache that can't be written is none."""
    if place is None or _open_to_others(_path(place, name).parent, place):
        return
    measured = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    content = {"format": FORMAT, "key": name, "measured": measured, "costs": costs}
    content["sha256"] = _checksum(content)
    with suppress(UsageError, OSError):
        write_bytes(_path(place, name), jsonl.encoded(content))
        _trim(_path(place, name).parent)


def _path(place: Path, name: str) -> Path:
    return place / "costs" / f"{name}.json"


def _trim(place: Path) -> None:
    """Remove the oldest files beyond MOST."""
    files = sorted(place.glob("*.json"), key=os.path.getmtime)
    for path in files[:-MOST]:
        path.unlink(missing_ok=True)
