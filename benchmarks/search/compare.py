"""narrowcast's search beside those of other tools, on models with planted culprits.

    python benchmarks/search/compare.py FRAMEWORK [--only STRATEGY ...] [--case CASE ...]

Every strategy sees the same traced model, data, metric and criterion, starts from the
same baseline and the same pins (ops without a kernel), and has its placements made by
the same cut; only narrowcast has its range pass and its budget of 20 trials. A result
counts if it meets the criterion on the full set. Neural Compressor's loop really runs,
evaluation by evaluation; of the others, a placement that was evaluated before is charged
what it took then, if it runs along. The seconds of narrowcast include export and probes, which the others
are given; CPU seconds, with one thread, are what the clock would say on a quiet machine. What was found is kept in `results/FRAMEWORK.json`, case by case, and
summed up in the end: cases that are not named there again keep their rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "tests" / "shared"))

from bench import Bench  # noqa: E402
from culprits import cases  # noqa: E402
from models import FRAMEWORKS  # noqa: E402
from strategies import STRATEGIES  # noqa: E402
from strategies.neural_compressor import MAX_TRIALS  # noqa: E402
from targets import LOOP, OURS, targets  # noqa: E402

ALL = [OURS, *STRATEGIES]


def compare(framework: str, name: str, strategies: list[str]) -> dict[str, Any]:
    """Ops, planted ones, and a row for each strategy."""
    case = cases()[name]
    bench = Bench(case, FRAMEWORKS[framework](case))
    rows = {
        strategy: bench.narrowcast()
        if strategy == OURS
        else bench.row(STRATEGIES[strategy], again=strategy == LOOP)
        for strategy in strategies
    }
    return {
        "ops": len(bench.traced.graph.ops),
        "rounding": len(bench.ops),
        "planted": bench.culprits,
        "blind": case.blind,
        "tracing": round(bench.tracing.cpu, 2),
        "rows": {key: row.plain() for key, row in rows.items()},
    }


def kept(path: Path, name: str, made: dict[str, Any]) -> dict[str, Any]:
    """All results so far with these; rows that were not made again stay."""
    found = json.loads(path.read_text()) if path.exists() else {}
    if name in found:
        rows = {**found[name]["rows"], **made["rows"]}
        made = {**made, "rows": {key: rows[key] for key in ALL if key in rows}}
    found[name] = made
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    return {name: found[name] for name in cases() if name in found}


def show(name: str, case: dict[str, Any]) -> None:
    print(
        f"\n{name}: {case['ops']} ops, {case['rounding']} round, {case['planted']} of "
        f"these are planted; export and probes {case['tracing']} CPU s"
    )
    print(
        f"{'':26}{'evaluations':>12}{'passes':>8}{'% low':>8}{'holds':>7}{'s':>8}{'CPU s':>8}"
    )
    for key, row in case["rows"].items():
        beyond = key == LOOP and row["evaluations"] > MAX_TRIALS
        print(
            f"{key:26}{row['evaluations']:>12}{row['passes']:>8}{100 * row['low']:>8.2f}"
            f"{'yes' if row['holds'] else 'no':>7}{row['seconds']:>8.1f}{row['cpu']:>8.1f}"
            + (f"  its limit of {MAX_TRIALS} returns no model" if beyond else ""),
            flush=True,
        )


def medians(found: dict[str, Any]) -> None:
    print(
        f"\nall {len(found)} cases: evaluations (median, most), % low (mean), holds, s, CPU s"
    )
    for key in ALL:
        rows = [case["rows"][key] for case in found.values() if key in case["rows"]]
        if not rows:
            continue
        counts = [row["evaluations"] for row in rows]
        print(
            f"{key:26}{statistics.median(counts):>8g}{max(counts):>6}"
            f"{100 * statistics.fmean(row['low'] for row in rows):>8.2f}"
            f"{sum(row['holds'] for row in rows):>4} of {len(rows)}"
            f"{sum(row['seconds'] for row in rows):>8.1f}"
            f"{sum(row['cpu'] for row in rows):>8.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("framework", choices=FRAMEWORKS)
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL)
    parser.add_argument("--case", nargs="+", choices=list(cases()), default=cases())
    options = parser.parse_args()
    path = HERE / "results" / f"{options.framework}.json"
    for name in options.case:
        made = compare(options.framework, name, options.only)
        show(name, made)
        found = kept(path, name, made)
    medians(found)
    print("\ntargets")
    for met, text in targets(found):
        print(f"{'met' if met else 'NOT MET':>8}  {text}")


if __name__ == "__main__":
    main()
