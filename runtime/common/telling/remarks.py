"""What a reader of data found odd, but reads: kept until the run says it.

Datasets are made by the script, out of reach of what a run tells.
"""

from __future__ import annotations

_remarks: list[str] = []


def remark(text: str) -> None:
    """Have it said of the data, as a warning."""
    _remarks.append(text)


def remarks() -> tuple[str, ...]:
    """What was not said yet; it counts as said."""
    found = tuple(_remarks)
    _remarks.clear()
    return found
