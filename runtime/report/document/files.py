"""Where documents are: beside the plan, by its name; written, and read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...common.errors import ReportError
from ...common.files import shown, write_bytes
from ...common.strict_json import json_text
from .document import FORMAT, Document
from .typed_data import plain, typed

SUFFIXES = (".json", ".html")
"""Of the files that a run writes."""

AGAIN = "Run the conversion script: it replays the plan and writes the report anew."


def report_path(plan: Path, suffix: str = ".json") -> Path:
    """`net.report.json` for `net.plan.json`; so it is for a plan that failed.

    Args:
        suffix: ".json" or ".html".
    """
    stem = plan.name.removesuffix(".json")
    head, dot, tail = stem.rpartition(".plan")
    named = f"{head}.report{tail}" if dot and tail in ("", ".failed") else None
    return plan.with_name(f"{named or f'{stem}.report'}{suffix}")


def write_document(path: Path, document: Document) -> Path:
    """Write it, whole or not at all.

    Raises:
        UsageError: It can't be written.
    """
    return write_bytes(path, document_text(plain(document)).encode())


def document_text(data: Any) -> str:
    """Strict JSON; names that no text can hold are escaped in it."""
    return json_text(data).encode("utf-8", "backslashreplace").decode()


def found_document(path: Path) -> Path:
    """The document of what a user names: itself, a plan, or the folder of one run.

    Raises:
        UsageError: There is none, or more than one.
    """
    if path.is_dir():
        found = sorted(path.glob("*.report.json"))
        if len(found) != 1:
            names = ", ".join(each.name for each in found)
            raise ReportError(
                f"{shown(path)} has {f'several reports: {names}' if found else 'no report'}",
                "Name one of them." if found else AGAIN,
            )
        return found[0]
    if ".plan." in path.name:
        path = report_path(path)
    elif path.suffix == ".html":
        path = path.with_suffix(".json")
    if not path.exists():
        raise ReportError(f"there is no {shown(path)}", AGAIN)
    return path


def read_document(path: Path) -> Document:
    """The document in a file.

    Raises:
        UsageError: It can't be read, or is none.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"it is no report of format {FORMAT}")
        return typed(Document, data, "the report")
    except OSError as error:
        raise ReportError(f"{shown(path)} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{shown(path)} can't be read: {error}", AGAIN) from error
