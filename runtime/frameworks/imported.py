"""Importing a framework: when its members are asked for, or what keeps it from that."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ..common.errors import MissingPackageError, first_line
from ..common.version import installing


def imported(package: str, title: str, extra: str) -> Any:
    """The package of a framework.

    Args:
        title: The framework's name for people.
        extra: What installs it: `narrowcast[extra]`.

    Raises:
        RequirementError: It is not installed, or its import fails.
    """
    try:
        return import_module(package)
    except Exception as error:  # an import can fail in any way
        if isinstance(error, ModuleNotFoundError) and error.name == package:
            raise MissingPackageError(
                f"{title} is not installed.",
                f"Install it: {installing(extra)}",
            ) from error
        raise MissingPackageError(
            f"{title} is installed, but `import {package}` fails: "
            f"{first_line(error).rstrip('.')}",
            f"Reinstall it: {installing(extra, 'pip install --force-reinstall')}",
        ) from error


def lazily(package: str) -> Callable[[str], Any]:
    """A package's `__getattr__`: it has what it imports for type checkers, on demand.

    Args:
        package: Its `__name__`, while it is imported.
    """
    statements = ast.walk(ast.parse(inspect.getsource(sys.modules[package])))
    members = {
        name.name: f"{'.' * statement.level}{statement.module}"
        for statement in statements
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
        if name.asname
    }

    def member(name: str) -> Any:
        if name not in members:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(members[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return member
