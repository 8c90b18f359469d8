"""narrowcast: a short YAML spec becomes a reviewable mixed-precision conversion script.

From Python, `MixedPrecision` generates the same script and calls it, and `common` has
what it is given: both are loaded when they are first asked for. What type checkers know
of that is in `__init__.pyi`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

__all__ = ["MixedPrecision", "__version__", "common"]


def __getattr__(name: str) -> Any:
    if name == "common":
        return import_module("narrowcast.common")
    if name == "MixedPrecision":
        return import_module("narrowcast.api").MixedPrecision
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
