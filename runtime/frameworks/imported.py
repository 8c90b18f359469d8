"""Importing a framework, or what keeps it from that."""

from __future__ import annotations

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
