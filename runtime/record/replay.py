"""A committed plan instead of a search: what must fit, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..common.errors import NEW, PlanError
from ..graph.graph import Graph, Precision
from ..graph.pins import Pins, user_pins
from ..search.found import Plan
from .plan import damage, recorded_files, replay


def committed(
    content: Mapping[str, Any], graph: Graph, low: Precision, pins: Pins, name: str
) -> Plan:
    """The plan in a lock file, if it can be applied and breaks no pin.

    Raises:
        PlanError: It is damaged, for another graph or precision, or has an op low that
            the spec pins.
        UsageError: A pin matches no op.
    """
    plan = replay(content, graph, low, name)
    for op_id, reason in user_pins(graph, pins).items():
        if plan.placement[op_id] != Precision.FP32:
            raise PlanError(
                f"{name} has {op_id} in {plan.placement[op_id]}, "
                f"{reason.text} keeps it in fp32",
                NEW,
            )
    return plan


def changes(
    content: Mapping[str, Any], now: Mapping[str, Any], name: str
) -> Iterator[str]:
    """What the plan was made with that is not so now, a sentence each.

    Args:
        now: `provenance` of this run.

    Raises:
        PlanError: The plan is damaged.
    """
    for key in ("narrowcast", "framework", "name"):
        if content.get(key) != now[key]:
            yield f"the plan was made with {content.get(key)}, this is {now[key]}"
    explained = content.get("spec") != now["spec"]
    if explained:
        yield "the spec changed since the plan was made; --search makes a new one"
    recorded, found = recorded_files(content, name), now["files"]
    for kind in dict.fromkeys((*recorded, *found)):
        before, after = recorded.get(kind, {}), found.get(kind, {})
        for difference in _differences(before, after):
            explained = True
            yield difference
    seen = content.get("data")
    if seen and seen != now.get("data", seen) and not explained:
        yield "the data changed since the plan was made: it yields something else"
    ranged, ranges = _of_ranges(content, name), _of_ranges(now, name)
    if ranged and ranges and ranged != ranges and not explained:
        yield (
            "the data of int8's ranges changed since the plan was made: its scales are "
            "kept, --search takes new ones"
        )


def _of_ranges(content: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """What int8's ranges are of, () for no data.

    Raises:
        PlanError: The plan is damaged.
    """
    said = content.get("calibration", {})
    with damage(name):
        return tuple(said[key] for key in ("from", "digest")) if said else ()


def _differences(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> Iterator[str]:
    """What became of files or modules since the plan was made, a sentence each."""
    since = "since the plan was made"
    changed = [name for name in before if name in after and before[name] != after[name]]
    gone = ", ".join(name for name in before if name not in after)
    new = ", ".join(name for name in after if name not in before)
    if changed:
        yield f"{', '.join(changed)} changed {since}"
    if gone and new:
        yield f"{new} in place of {gone}, which the plan was made with"
    elif gone:
        yield f"without {gone}, which the plan was made with"
    elif new:
        yield f"{new} is new {since}"
