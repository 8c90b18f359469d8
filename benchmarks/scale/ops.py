"""How placing, planning and reporting grow with the ops of a graph.

    python benchmarks/scale/ops.py [SIZE ...]

Seconds of CPU of each step on towers of encoder layers (`graphs.py`), and the exponent
that fits them: 1 is linear growth. Every hundredth op is pinned to fp32.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from graphs import BF16, tower
from growth import table, taken

from narrowcast.runtime.graph.graph import Graph, casts
from narrowcast.runtime.graph.pins import Pins, Reason, Why, user_pins
from narrowcast.runtime.placement import latency, low_compute, memory
from narrowcast.runtime.placement.costs import X86_BF16, StaticCosts
from narrowcast.runtime.placement.rules import rule_based
from narrowcast.runtime.record.plan import document, read_document, replay, write_plan
from narrowcast.runtime.report.document.gathering import document as gathered
from narrowcast.runtime.report.html.page import page
from narrowcast.runtime.report.summary import summary
from narrowcast.runtime.search.found import Plan, plan_of
from narrowcast.runtime.search.limits.movers import with_movers

sys.path.append(str(Path(__file__).parents[2] / "tests/shared"))

from reported import WHEN, facts_of, report_of

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
NAMED = Pins(names={r"layers\.\d*7\.q": "op_wise"})


def steps(size: int) -> Iterator[tuple[str, float]]:
    """Step → seconds of CPU."""
    yield "trace", taken(lambda: tower(size))
    graph, whole = tower(size), tower(size, int8=True)
    yield "fingerprint", taken(graph.fingerprint)
    yield "pins by pattern", taken(lambda: user_pins(graph, NAMED))
    few = {op.id: Reason(Why.ACCURACY, "off") for op in graph.ops[::100]}
    yield "movers", taken(lambda: with_movers(graph, few))
    for objective in (low_compute, memory, latency(StaticCosts(graph, X86_BF16))):
        yield (
            f"cut, {objective.name}",
            taken(lambda o=objective: o(graph, BF16, set(few))),
        )
    yield "rules of others", taken(lambda: rule_based(graph, BF16))
    yield "three levels", taken(lambda: low_compute(whole, BF16, set(few)))
    placed = low_compute(graph, BF16, set(few)).placement
    yield "casts", taken(lambda: list(casts(graph, placed)))
    plan = plan_of(graph, BF16, low_compute, placed, few)
    yield "reasons", taken(lambda: plan_of(graph, BF16, low_compute, placed, few))
    with TemporaryDirectory() as folder:
        yield from recorded(graph, plan, Path(folder))


def recorded(graph: Graph, plan: Plan, folder: Path) -> Iterator[tuple[str, float]]:
    """What is written of a plan, and read."""
    path = folder / "net.plan.json"

    def written() -> None:
        write_plan(path, document(plan, graph, {}))

    yield "plan written", taken(written)
    name = path.name
    yield "plan replayed", taken(lambda: replay(read_document(path), graph, BF16, name))
    report, facts = report_of(graph, plan, folder), facts_of(graph, plan, folder)
    yield "summary", taken(lambda: summary(report))
    whole = gathered(report, facts, WHEN)
    yield "report", taken(lambda: gathered(report, facts, WHEN))
    yield "page", taken(lambda: page(whole))


def main() -> None:
    sizes = tuple(map(int, sys.argv[1:])) or SIZES
    rows: dict[str, list[float]] = {}
    for size in sizes:
        for name, seconds in steps(size):
            rows.setdefault(name, []).append(seconds)
            print(f"{size} {name}: {seconds:.2f}", file=sys.stderr)
    print("\n".join(table(sizes, rows)))


if __name__ == "__main__":
    main()
