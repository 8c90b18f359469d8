"""narrowcast's search beside those of other tools, on models with planted culprits.

    python benchmarks/search/compare.py FRAMEWORK [CASE ...]

Every strategy sees the same traced model, data, metric and criterion, starts from the
same baseline and the same pins (ops without a kernel), and has its placements made by
the same cut; only narrowcast has its range pass and its budget of 20 trials. A result
counts if it meets the criterion on the full set. Neural Compressor's loop really runs,
evaluation by evaluation; of the others, a placement that was evaluated before is charged
what it took then. The seconds of narrowcast include export and probes, which the others
are given; CPU seconds, with one thread, are what the clock would say on a quiet machine. What was found is kept in `results/FRAMEWORK.json`, case by case, and
summed up in the end: cases that are not named there again keep their rows.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "shared"))

from bench import Bench, Row  # noqa: E402
from culprits import cases  # noqa: E402
from models import FRAMEWORKS  # noqa: E402
from strategies import STRATEGIES  # noqa: E402
from strategies.neural_compressor import MAX_TRIALS  # noqa: E402
from targets import targets  # noqa: E402

OURS, LOOP = "narrowcast", "Neural Compressor"


def compare(framework: str, name: str) -> dict[str, Any]:
    """Ops, planted ones, and a row for each strategy."""
    case = cases()[name]
    bench = Bench(case, FRAMEWORKS[framework](case))
    rows = {OURS: bench.narrowcast()}
    for strategy, run in STRATEGIES.items():
        rows[strategy] = bench.row(run, again=strategy == LOOP)
    found = {
        "ops": len(bench.traced.graph.ops),
        "rounding": len(bench.ops),
        "planted": bench.culprits,
        "blind": case.blind,
        "tracing": round(bench.tracing.cpu, 2),
        "rows": {key: row.plain() for key, row in rows.items()},
    }
    show(name, found, rows)
    return found


def show(name: str, case: dict[str, Any], rows: dict[str, Row]) -> None:
    print(
        f"\n{name}: {case['ops']} ops, {case['rounding']} round, {case['planted']} of "
        f"these are planted; export and probes {case['tracing']} CPU s"
    )
    print(
        f"{'':26}{'evaluations':>12}{'passes':>8}{'% low':>8}{'holds':>7}{'s':>8}{'CPU s':>8}"
    )
    for key, row in rows.items():
        beyond = key == LOOP and row.evaluations > MAX_TRIALS
        print(
            f"{key:26}{row.evaluations:>12}{row.passes:>8}{100 * row.low:>8.2f}"
            f"{'yes' if row.holds else 'no':>7}{row.seconds:>8.1f}{row.cpu:>8.1f}"
            + (f"  its limit of {MAX_TRIALS} returns no model" if beyond else ""),
            flush=True,
        )


def medians(found: dict[str, Any]) -> None:
    print(
        f"\nall {len(found)} cases: evaluations (median, most), % low (mean), holds, s, CPU s"
    )
    for key in (OURS, *STRATEGIES):
        rows = [case["rows"][key] for case in found.values()]
        counts = [row["evaluations"] for row in rows]
        print(
            f"{key:26}{statistics.median(counts):>8g}{max(counts):>6}"
            f"{100 * statistics.fmean(row['low'] for row in rows):>8.2f}"
            f"{sum(row['holds'] for row in rows):>4} of {len(rows)}"
            f"{sum(row['seconds'] for row in rows):>8.1f}"
            f"{sum(row['cpu'] for row in rows):>8.1f}"
        )


def main(framework: str, names: list[str]) -> None:
    path = HERE / "results" / f"{framework}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for name in names or cases():
        known[name] = compare(framework, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n")
    found = {name: known[name] for name in cases() if name in known}
    medians(found)
    print("\ntargets")
    for met, text in targets(found):
        print(f"{'met' if met else 'NOT MET':>8}  {text}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
