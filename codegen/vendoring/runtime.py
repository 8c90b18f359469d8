"""Where a script imports its runtime from: what is installed, or a copy beside it."""

from __future__ import annotations

from dataclasses import dataclass

HOME = "narrowcast.runtime"

BESIDE = "_narrowcast_runtime"


@dataclass(frozen=True)
class Runtime:
    """The runtime of one script.

    Attributes:
        package: What the script imports.
        copy_of: What tells the runtime that the copy is of from all others, "" for what
            is installed.
    """

    package: str = HOME
    copy_of: str = ""


INSTALLED = Runtime()


def copied(copy_of: str) -> Runtime:
    """The copy beside the script."""
    return Runtime(BESIDE, copy_of)


def is_within(module: str, package: str) -> bool:
    """Whether a dotted name is the package's or one in it."""
    return module == package or module.startswith(f"{package}.")
