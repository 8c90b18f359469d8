"""The copy of the runtime beside a script: compared with what it should be, and written."""

from __future__ import annotations

import difflib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..writing.output import GENERATED, OutputError, read
from .closure import identity, needed_by
from .contents import HEAD, contents
from .runtime import BESIDE, Runtime, copied


@dataclass(frozen=True, slots=True)
class Copy:
    """What is to be beside a script; nothing where it uses what is installed.

    Attributes:
        folder: Where, as the script's path was given.
        files: Path in it → text.
        others: Scripts that share it and are of another runtime: they will refuse it.
    """

    folder: Path
    files: Mapping[str, str]
    others: tuple[str, ...] = ()

    @property
    def is_none(self) -> bool:
        """Whether the script needs none."""
        return not self.files

    def difference(self) -> str:
        """How what is there differs, "" where it doesn't.

        Raises:
            OutputError: It can't be read.
        """
        there = {} if self.is_none else _files(self.folder)
        names = sorted({*there, *self.files})
        return "".join(line for name in names for line in self._lines(name, there))

    def _lines(self, name: str, there: Mapping[str, Path]) -> Iterator[str]:
        path = (self.folder / name).as_posix()
        if name not in there:
            yield f"Missing: {path}\n"
        elif name not in self.files:
            yield f"Of no use: {path}\n"
        else:
            was = (read(there[name]) or "").splitlines(keepends=True)
            now = self.files[name].splitlines(keepends=True)
            yield from difflib.unified_diff(was, now, path, f"{path} (generated)")

    def check(self) -> None:
        """Make sure that what is in its place is narrowcast's alone.

        Raises:
            OutputError: It isn't, or can't be read.
        """
        if self.is_none:
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder} is no folder; move it elsewhere", "NC902")
        for name, path in _files(self.folder).items():
            if not _begins(path, self.files.get(name, HEAD).splitlines()[0]):
                raise OutputError(
                    f"{path} was not written by narrowcast; it is left alone. Move it "
                    f"elsewhere: {self.folder.name} is replaced as a whole.",
                    "NC903",
                )

    def put(self) -> bool:
        """Put the copy in place, whole; True if anything changed.

        Raises:
            OutputError: It can't be written, or what is there is not narrowcast's alone.
        """
        self.check()
        if not self.difference():
            return False
        place = Path(os.path.realpath(self.folder))
        beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        try:
            self._write(beside)
            _exchange(beside, place)
        except OSError as error:
            said = f"can't write {self.folder}: {error.strerror}"
            raise OutputError(said) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return True

    def _write(self, folder: Path) -> None:
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")


def runtime_for(path: Path, vendor: bool | None) -> Runtime:
    """Where the script at `path` imports its runtime from.

    Args:
        vendor: From a copy or not; None: as the script that is there does.

    Raises:
        OutputError: It can't be read.
    """
    if vendor is None:
        vendor = is_vendored(read(path) or "")
    return copied(identity()) if vendor else Runtime()


def copy_for(path: Path, text: str) -> Copy:
    """What is to be beside a script.

    Scripts in one folder share a copy: it has what any of them needs.

    Raises:
        OutputError: A script beside it can't be read, or is no Python.
    """
    # A script that is a link finds its folder where the file is.
    script = Path(os.path.realpath(path)) if path.is_symlink() else path
    folder = script.with_name(BESIDE)
    if not is_vendored(text):
        return Copy(folder, {})
    sharing = {
        each.name: shared
        for each in sorted(script.parent.glob("*.py"))
        if each.name != script.name and _begins(each, GENERATED)
        if is_vendored(shared := read(each) or "")
    }
    others = (name for name, each in sharing.items() if f'"{identity()}"' not in each)
    needed = {
        path for one in {**sharing, script.name: text}.items() for path in _needed(*one)
    }
    return Copy(folder, contents(sorted(needed)), tuple(others))


def is_vendored(text: str) -> bool:
    """Whether it is a script of narrowcast's that has a copy of the runtime beside it."""
    return text.startswith(GENERATED) and f"\nfrom {BESIDE}." in text


def _needed(name: str, script: str) -> set[Path]:
    try:
        return needed_by(script)
    except (SyntaxError, ValueError) as error:
        raise OutputError(
            f"{name}, which shares the copy, can't be read: {error}. Generate it again "
            "by itself, or remove it."
        ) from error


def _files(folder: Path) -> dict[str, Path]:
    """Path in the folder → file, without what Python caches there."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if (path.is_symlink() or not path.is_dir())
        and path.parent.name != "__pycache__"
    }


def _begins(path: Path, line: str) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(line.encode())) == line.encode()
    except OSError as error:
        raise OutputError(f"can't read {path}: {error.strerror}") from error


def _exchange(new: Path, place: Path) -> None:
    """Put a folder in the place of another, which is removed."""
    if not place.exists():
        new.rename(place)
        return
    old = new.with_name(f"{new.name}.old")
    place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
