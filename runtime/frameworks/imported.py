"""A framework's package, or what keeps it from being imported."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..common.errors import RequirementError, first_line


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
            raise RequirementError(
                f"{title} is not installed.",
                f"Install it: pip install 'narrowcast[{extra}]'",
            ) from error
        raise RequirementError(
            f"{title} is installed, but `import {package}` fails: "
            f"{first_line(error).rstrip('.')}",
            f"Reinstall it: pip install --force-reinstall 'narrowcast[{extra}]'",
        ) from error
