"""`--costs FILE`: costs measured on the target, for a run elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.errors import UsageError
from ...common.files import write_bytes
from ...common.strict_json import json_text

FORMAT = 1

ANEW = "Measure them anew: name a file that is not there yet, on the target."

WORDS = {
    "precision": "another precision",
    "graph": "another graph, or another batch size",
    "forms": "other kernels",
    "static": "another machine profile",
}
"""What costs are of → what is said where that differs."""


def write_costs(
    path: Path,
    of: Mapping[str, Any],
    measured_on: Mapping[str, Any],
    costs: Mapping[str, Any],
) -> None:
    """Write costs with what they are of.

    Args:
        of: What they must fit (`subject.subject`).
        measured_on: For people.

    Raises:
        UsageError: It can't be written.
    """
    content = {"format": FORMAT, "of": of, "measured_on": measured_on, "costs": costs}
    write_bytes(path, json_text(content).encode())


def read_costs(path: Path, of: Mapping[str, Any]) -> dict[str, Any]:
    """The costs in a file.

    Args:
        of: What they must be of.

    Raises:
        UsageError: They can't be read, or are of something else.
    """
    recorded, costs = _read(path)
    for name, what in WORDS.items():
        if recorded.get(name) != of[name]:
            raise UsageError(f"--costs {path.name} is of {what}", ANEW)
    return costs


def read_forms(path: Path) -> dict[str, str]:
    """The kernels that the costs in a file are of: those that were fastest there.

    Raises:
        UsageError: They can't be read.
    """
    recorded, _costs = _read(path)
    forms = recorded.get("forms")
    if not isinstance(forms, dict):
        raise _damaged(path)
    return {str(name): str(form) for name, form in forms.items()}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the costs are of, and the costs."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"--costs {path.name} can't be read: {error}", ANEW) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"--costs {path.name} is no file of costs", ANEW)
    recorded, costs = content.get("of"), content.get("costs")
    if not isinstance(recorded, dict) or not isinstance(costs, dict):
        raise _damaged(path)
    return recorded, costs


def _damaged(path: Path) -> UsageError:
    return UsageError(f"--costs {path.name} is damaged", ANEW)
