"""Why a file from strangers is not opened: what its readers raise."""

from __future__ import annotations

import stat
from zipfile import ZipInfo


class Unsafe(Exception):
    """What a file holds that could run, read or write something when it is opened.

    Names the thing; for `model.trust` to overrule.
    """


class Damaged(Exception):
    """What is wrong with a file that nothing can open, trusted or not.

    Attributes:
        remedy: What to do about it, "" for what the reader says of all.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def leads_out(member: ZipInfo) -> str:
    """Why a member of a zip archive is no plain file inside of it, "" if it is one."""
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    name = member.orig_filename
    parts = name.rstrip("/").split("/")
    if not all(parts) or {".", ".."} & set(parts) or "\\" in name or ":" in name:
        return "has a path that leads out of the archive"
    return ""


def shown(text: str) -> str:
    """A name out of a file, fit to be printed."""
    return "".join(c if c.isprintable() else "?" for c in text[:120])
