"""Members of a package that are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, members: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`, so that importing it imports none of these.

    Args:
        package: Its `__name__`.
        members: Name → the module that has it, relative to the package.
    """

    def member(name: str) -> Any:
        if name not in members:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(members[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return member
