"""`fleet.json`: what became of each spec, and where its report is."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import UsageError
from narrowcast.runtime.common.files import shown, write_bytes
from narrowcast.runtime.common.standing import check_file
from narrowcast.runtime.common.strict_json import json_text
from narrowcast.runtime.report.document.files import report_path

from .task import Outcome

NAME = "fleet.json"
FORMAT = 1
KEY = "narrowcast_fleet"
"""Tells an index from other JSON files, and holds its format."""


def check_index(path: Path) -> None:
    """See that the index may be written there.

    Raises:
        UsageError: What is there is none.
    """
    check_file(path)
    if path.exists() and _content(path) is None:
        raise UsageError(
            f"{shown(path)} is not an index of a fleet's, and would be replaced",
            "Move it away, or name another folder with --output.",
        )


def write_index(path: Path, outcomes: Sequence[Outcome], plans: Sequence[Path]) -> None:
    """Write it, whole or not at all.

    Args:
        plans: Where each one's plan is, or would be.

    Raises:
        UsageError: It can't be written.
    """
    runs = [
        _row(each, plan, path.parent)
        for each, plan in zip(outcomes, plans, strict=True)
    ]
    write_bytes(path, json_text({KEY: FORMAT, "runs": runs}).encode())


def _row(outcome: Outcome, plan: Path, folder: Path) -> dict[str, Any]:
    missed = plan.with_suffix(".failed.json")
    report = report_path(missed if outcome.code == 1 else plan)
    there = outcome.code <= 1 and report.exists()
    return {
        "spec": outcome.spec,
        "name": outcome.name,
        "exit_code": outcome.code,
        "report": Path(os.path.relpath(report, folder)).as_posix() if there else None,
    }


def reports(path: Path) -> tuple[Path, ...] | None:
    """The reports that an index names; None where a file, or a folder, is none.

    Raises:
        UsageError: It names none.
    """
    index = path / NAME if path.is_dir() else path
    if index.suffix != ".json" or not index.is_file():
        return None
    runs = _content(index)
    if runs is None:
        return None
    found = tuple(index.parent / run["report"] for run in runs if run.get("report"))
    if not found:
        raise UsageError(
            f"no run of {shown(index)} has a report", "Run the specs again."
        )
    return found


def _content(path: Path) -> list[dict[str, Any]] | None:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get(KEY) != FORMAT:
        return None
    runs = data.get("runs")
    return (
        [each for each in runs if isinstance(each, dict)]
        if isinstance(runs, list)
        else None
    )
