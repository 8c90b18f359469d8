"""The copy of the runtime beside a script: compared with what it should be, and written."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..writing.output import GENERATED, OutputError, read
from .closure import identity, needed_by
from .contents import contents
from .exchange import exchanged, keep_modes, repair, staged
from .folder import begins, files, foreign
from .runtime import BESIDE, Runtime, copied

IMPORTED = re.compile(rf"^ *from {BESIDE}\.", re.MULTILINE)
"""By what a script is known that has a copy."""


@dataclass(frozen=True)
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
        there = {} if self.is_none else files(self.folder)
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
        path = foreign(files(self.folder))
        if path is not None:
            raise OutputError(
                f"{path} was not written by narrowcast; it is left alone. Move it "
                f"elsewhere: {self.folder.name} is replaced as a whole.",
                "NC903",
            )

    @contextmanager
    def in_place(self) -> Iterator[bool]:
        """The copy in its place, whole, while its script is written.

        Yields:
            Whether anything changed. What was there comes back if the script fails.

        Raises:
            OutputError: It can't be written, or what is there is not narrowcast's alone.
        """
        self.check()
        if self.is_none:
            yield False
            return
        place = Path(os.path.realpath(self.folder))
        try:
            repair(place)
            if not self.difference():
                yield False
                return
            with staged(place) as new:
                self._write(new)
                keep_modes(new, place)
                with exchanged(new, place):
                    yield True
        except OSError as error:
            said = f"can't write {self.folder}: {error.strerror}"
            raise OutputError(said) from error

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
        for each in _modules(script.parent)
        if each.name != script.name and begins(each, GENERATED)
        if is_vendored(shared := read(each) or "")
    }
    others = (name for name, each in sharing.items() if f'"{identity()}"' not in each)
    needed = {
        path for one in {**sharing, script.name: text}.items() for path in _needed(*one)
    }
    return Copy(folder, contents(sorted(needed)), tuple(others))


def is_vendored(text: str) -> bool:
    """Whether it is a script of narrowcast's that has a copy of the runtime beside it."""
    return text.startswith(GENERATED) and IMPORTED.search(text) is not None


def _modules(folder: Path) -> list[Path]:
    """Python files in a folder, if it is there.

    Raises:
        OutputError: It can't be read: a script in it may need the copy.
    """
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise OutputError(f"can't read {folder}: {error.strerror}") from error
    return [path for path in found if path.suffix == ".py"]


def _needed(name: str, script: str) -> set[Path]:
    try:
        return needed_by(script)
    except (SyntaxError, ValueError) as error:
        raise OutputError(
            f"{name}, which shares the copy, can't be read: {error}. Generate it again "
            "by itself, or remove it."
        ) from error
