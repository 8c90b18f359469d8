"""Imports that wait until something asks for them, and what is said where they fail."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from linecache import getlines
from typing import Any

from .errors import MissingPackageError, first_line


def optional(module: str, what_for: str, distribution: str = "") -> Any:
    """A module of a library that is no requirement of the runtime.

    Args:
        module: Its dotted name.
        what_for: What needs it, for people: "reading Parquet files".
        distribution: What pip calls the library, where it is not the module's name.

    Raises:
        MissingPackageError: It is not installed, or its import fails.
    """
    package = distribution or module.partition(".")[0]
    try:
        return import_module(module)
    except Exception as error:  # an import can fail in any way
        top = module.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and error.name == top:
            raise MissingPackageError(
                f"{what_for} needs {package}, which is not installed",
                f"Install it: pip install {package}",
            ) from error
        raise MissingPackageError(
            f"{what_for} needs {package}, and `import {module}` fails: "
            f"{first_line(error).rstrip('.')}",
            f"Reinstall it: pip install --force-reinstall {package}",
        ) from error


@contextmanager
def numpy_needed() -> Iterator[None]:
    """Say what to install where an import in here finds no NumPy.

    Raises:
        MissingPackageError: It is not installed. What else an import fails with is raised
            as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise MissingPackageError(
            "NumPy is not installed", "Install it: pip install numpy"
        ) from error


def lazily(package: str) -> Callable[[str], Any]:
    """A package's `__getattr__`: it has what it imports for type checkers, on demand.

    Args:
        package: Its `__name__`, while it is imported.
    """

    @cache
    def members() -> dict[str, str]:
        having = vars(sys.modules[package])
        source = "".join(getlines(having["__file__"], having))
        statements = ast.walk(ast.parse(source))
        return {
            name.name: f"{'.' * statement.level}{statement.module}"
            for statement in statements
            if isinstance(statement, ast.ImportFrom)
            for name in statement.names
            if name.asname
        }

    def member(name: str) -> Any:
        if name not in members():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with numpy_needed():
            value = getattr(import_module(members()[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return member
