"""Libraries that only some scripts need, imported where they are used."""

from __future__ import annotations

from importlib import import_module
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
