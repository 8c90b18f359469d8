"""The index of a zip file, checked before anything in it is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ....refusals import Damaged, Unsafe, leads_out, shown

ENCRYPTED = 0x1
"""Bit of a member's flags."""


def opened(path: Path) -> ZipFile:
    """The file as a zip archive; its members are not read yet.

    Raises:
        Damaged: It is none, or is cut short.
    """
    try:
        archive = ZipFile(path)
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise Damaged(f"is {not_a_zip(path)}") from error
    if min((info.header_offset for info in archive.infolist()), default=0):
        # A member may be a zip file itself, whose index is found in its place.
        raise Damaged("is cut short or damaged: its zip index is not the file's")
    return archive


def wrong_sum(archive: ZipFile) -> str:
    """The first member that is not as it was written, "" if all are.

    torch checks no sums where it reads an archive itself.
    """
    try:
        return archive.testzip() or ""
    except Exception as error:  # zipfile fails in many types on what is damaged
        return str(error) or type(error).__name__


def not_a_zip(path: Path) -> str:
    """What a file is, by its first bytes, where `zipfile` can't read it."""
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"PK"):
        return "cut short or damaged: its zip index can't be read"
    if not start:
        return "empty"
    if start[8:9] == b"{":
        return "a safetensors file, not a zip archive"
    if start.startswith(b"\x80") or start[:1] in b"(c":
        return "a pickle, not a zip archive"
    return "not a zip archive"


def members(archive: ZipFile) -> dict[str, ZipInfo]:
    """Path below the archive's one folder → member.

    Raises:
        Unsafe: A member is compressed (its size is not bounded by the file's), a link,
            there twice, or its path leads elsewhere.
        Damaged: There are none, or they don't share a folder.
    """
    found: dict[str, ZipInfo] = {}
    size = 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        if reason := next(_reasons(info), ""):
            raise Unsafe(f"member `{shown(info.filename[:80])}` {reason}")
        if info.filename in found:
            raise Unsafe(f"member `{info.filename}` is there twice")
        found[info.filename] = info
        size += info.file_size
    if not found:
        raise Damaged("is an empty zip archive")
    if archive.fp is not None and size > archive.fp.seek(0, 2):
        raise Unsafe("its members are larger than the file: they overlap")
    return _below_root(found)


def _below_root(found: dict[str, ZipInfo]) -> dict[str, ZipInfo]:
    roots = {name.partition("/")[0] for name in found}
    if len(roots) != 1 or any("/" not in name for name in found):
        return found
    return {name.partition("/")[2]: info for name, info in found.items()}


def _reasons(info: ZipInfo) -> Iterator[str]:
    if reason := leads_out(info):
        yield reason
    if info.compress_type != ZIP_STORED or info.file_size != info.compress_size:
        yield "is compressed, which torch never does"
    if info.flag_bits & ENCRYPTED:
        yield "is encrypted"
    if not info.orig_filename.isprintable():
        yield "has a control character in its name"
