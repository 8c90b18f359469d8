"""What the search must reach, held against a comparison's rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

OURS, LOOP = "narrowcast", "Neural Compressor"
HEALTHY = "healthy"
"""The case without a culprit."""


def targets(found: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """Each target: whether it is met, and where it is not; over cases with all rows."""
    found = {
        n: case for n, case in found.items() if {OURS, LOOP} <= case["rows"].keys()
    }
    if not found:
        return
    ours = {name: case["rows"][OURS] for name, case in found.items()}
    loop = {name: case["rows"][LOOP] for name, case in found.items()}
    counts = {name: row["evaluations"] for name, row in ours.items()}

    yield _all("the criterion is met", {n: row["holds"] for n, row in ours.items()})
    yield _all(
        "at most 20 evaluations", {n: k <= 20 for n, k in counts.items()}, counts
    )
    median = statistics.median(counts.values())
    yield median <= 10, f"at most 10 evaluations in the median: {median:g}"

    behind = {name: _behind(case) for name, case in found.items()}
    text = "% low within 1 point of the best strategy (2 where calibration is blind)"
    yield _all(text, {n: gap <= 0 for n, (gap, _who) in behind.items()}, behind)

    many = {
        n for n, case in found.items() if case["ops"] >= 100 and case["planted"] >= 3
    }
    ratio = {n: loop[n]["evaluations"] / counts[n] for n in found}
    shown = {n: f"{r:.1f}" for n, r in ratio.items()}
    text = "10 times fewer evaluations than its loop where ops ≥ 100, culprits ≥ 3"
    yield _all(text, {n: ratio[n] >= 10 for n in many}, shown)
    rest = found.keys() - many
    text = "nowhere else more evaluations than its loop"
    yield _all(text, {n: ratio[n] >= 1 for n in rest}, shown)

    for key, unit in (("seconds", "seconds"), ("cpu", "CPU seconds")):
        share = {n: ours[n][key] / loop[n][key] for n in found}
        shown = {n: f"{s:.2f}" for n, s in share.items()}
        text = f"half of its loop's {unit} or less"
        yield _all(text, {n: s <= 0.5 for n, s in share.items()}, shown)
    if HEALTHY in counts:
        yield counts[HEALTHY] == 1, f"one trial where bf16 is well: {counts[HEALTHY]}"


def _behind(case: dict[str, Any]) -> tuple[float, str]:
    """Points beyond what it may be behind the best strategy that holds, and which."""
    rows = {key: row for key, row in case["rows"].items() if row["holds"]}
    best = max(rows, key=lambda key: rows[key]["low"], default=OURS)
    gap = 100 * (case["rows"][best]["low"] - case["rows"][OURS]["low"])
    return round(gap - (2 if case["blind"] else 1), 2), best


def _all(text: str, held: dict[str, bool], shown: Any = None) -> tuple[bool, str]:
    """Met if it holds in every case; else the cases where it does not."""
    missed = [name for name, holds in held.items() if not holds]
    values = [f"{n} ({shown[n]})" if shown else n for n in missed]
    where = f"; not in {', '.join(values)}" if missed else ""
    return not missed, f"{text}: {len(held) - len(missed)} of {len(held)}{where}"
