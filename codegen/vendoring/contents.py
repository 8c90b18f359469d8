"""What stands in a copy of the runtime."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from narrowcast import __version__

from .closure import home, identity
from .readme import readme

HEAD = """\
# Code copied by narrowcast. DO NOT EDIT.
# Apache-2.0. README.md in _narrowcast_runtime says what this is, and how to refresh it.
# ruff: noqa
# mypy: ignore-errors
# fmt: off
# isort: skip_file
"""
"""What each module begins with; the rest is narrowcast's own to the byte."""

LICENCE, README = "LICENSE", "README.md"

VERSION = "common/version.py"
"""The one module that differs: it says what the copy is of."""


def contents(modules: Iterable[Path]) -> dict[str, str]:
    """Path in the copy → text.

    Args:
        modules: What is needed, relative to the runtime's folder.
    """
    found = {path.as_posix(): (home() / path).read_text("utf-8") for path in modules}
    unmarked = found[VERSION]
    found[VERSION] = unmarked.replace('COPY_OF = ""', f'COPY_OF = "{identity()}"')
    assert found[VERSION] != unmarked, "it has a place for that"
    return {
        LICENCE: (home() / LICENCE).read_text("utf-8"),
        README: readme(__version__, identity()),
        **{path: HEAD + text for path, text in found.items()},
    }


def beginning(name: str) -> str:
    """How a file of any copy begins, by which it is told from somebody's own.

    Args:
        name: Its path in the copy.
    """
    if name == LICENCE:
        return (home() / LICENCE).read_text("utf-8")[:60]
    text = readme(__version__, identity()) if name == README else HEAD
    return text.splitlines()[0]
