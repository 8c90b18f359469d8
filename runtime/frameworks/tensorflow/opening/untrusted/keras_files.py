"""Keras' files from anywhere: HDF5, and zip archives with HDF5 in them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import h5py

from .....common.errors import DamagedError, ModelError, UnsafeError
from ....refusals import leads_out
from .keras_config import TRUST, check_config
from .sizes import of_archive, of_hdf5
from .texts import Content

AGAIN = "Copy it again, or save it again with model.save()."
CONFIG = "config.json"
LARGEST = 1 << 26
"""Bytes of a configuration."""


def check_archive(path: Path, place: str) -> None:
    """Check a `.keras` file before Keras opens it.

    Raises:
        ModelError: It is none, or could do more than hold a model.
    """
    with opened(path, place) as archive:
        names = [info.filename for info in archive.infolist()]
        for info in archive.infolist():
            if reason := _reason(info, names):
                raise UnsafeError(
                    f"{place} is not opened: its member {info.filename[:80]!r} {reason}",
                    "Save it again with model.save().",
                )
        if reason := of_archive(archive, path):
            raise UnsafeError(f"{place} is not opened: it {reason}", AGAIN)
        if names.count(CONFIG) != 1:
            raise ModelError(f"{place} is no Keras model: it has no {CONFIG}", AGAIN)
        check_config(config_of(archive, place), place)
        for name in names:
            if name.endswith(".h5"):
                _check_member(archive, name, place)


def opened(path: Path, place: str) -> ZipFile:
    """The archive; nothing in it is read yet.

    Raises:
        ModelError: It is none.
    """
    try:
        return ZipFile(path)
    except (BadZipFile, ValueError, NotImplementedError) as error:
        raise ModelError(f"{place} {_instead(path)}", AGAIN) from error


def config_of(archive: ZipFile, place: str, name: str = CONFIG) -> Any:
    """A member that is JSON.

    Raises:
        ModelError: It is not.
    """
    try:
        if archive.getinfo(name).file_size > LARGEST:
            raise UnsafeError(f"{place} is not opened: its {name} is too large")
        return json.loads(archive.read(name))
    except (BadZipFile, KeyError, ValueError, RecursionError, OSError) as error:
        raise DamagedError(
            f"{place} is damaged: {name} can't be read", AGAIN
        ) from error


def check_hdf5(path: Path | io.BufferedIOBase, place: str) -> dict[str, Any]:
    """Check an HDF5 file before Keras opens it; its root's attributes.

    Raises:
        ModelError: It is none, or takes data out of other files.
    """
    try:
        with h5py.File(path, "r") as file:
            _check_links(file, place)
            with _content(path) as content:
                reason = of_hdf5(file, content)
            if reason:
                raise DamagedError(
                    f"{place} is no HDF5 file, or damaged: {reason}", AGAIN
                )
            return dict(file.attrs)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DamagedError(f"{place} is no HDF5 file, or cut short", AGAIN) from error


@contextmanager
def _content(file: Path | io.BufferedIOBase) -> Iterator[Content]:
    """The bytes of a file, or of what an archive holds."""
    if not isinstance(file, Path):
        place = file.tell()
        file.seek(0)
        yield file.read()
        file.seek(place)
        return
    with (
        file.open("rb") as opened,
        mmap(opened.fileno(), 0, access=ACCESS_READ) as all_,
    ):
        yield all_


def _check_links(file: Any, place: str) -> None:
    open_, seen = [file], set()
    while open_:
        group = open_.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise _leads_out(place, name, "is a link to another file")
            if isinstance(link, h5py.SoftLink):
                continue
            each = group[name]
            if isinstance(each, h5py.Group):
                open_.append(each)
            elif isinstance(each, h5py.Dataset) and (each.external or each.is_virtual):
                raise _leads_out(place, name, "takes its data out of another file")


def _leads_out(place: str, name: str, what: str) -> ModelError:
    return UnsafeError(f"{place} is not opened: {name[:80]!r} {what}", TRUST)


def _check_member(archive: ZipFile, name: str, place: str) -> None:
    try:
        with archive.open(name) as member:
            check_hdf5(member, f"{place}: {name}")  # type: ignore[arg-type]
    except (BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DamagedError(
            f"{place} is damaged: {name} can't be read", AGAIN
        ) from error


def _reason(info: ZipInfo, names: list[str]) -> str:
    """Why a member is refused, "" if it isn't."""
    if reason := leads_out(info):
        return reason
    if names.count(info.filename) > 1:
        return "is there twice"
    if info.filename.endswith((".npz", ".pkl", ".pickle")):
        return "may hold pickled Python"
    return ""


def _instead(path: Path) -> str:
    """What a file is that is no zip archive."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return "is an HDF5 file: give it a name that ends in .h5"
    if start.startswith(b"PK"):
        return "is cut short or damaged"
    return "is no Keras model (no zip archive)" if start else "is empty"
