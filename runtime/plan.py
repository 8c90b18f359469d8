"""The plan: a placement with its reasons, and the lock file that people commit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import PlanError
from .files import write_bytes
from .graph import Graph, Placement, Precision, casts
from .pins import Reason, Why

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """What a search decided.

    Attributes:
        low: The 16-bit precision.
        placement: Op id → precision.
        reasons: Op id → why, for every fp32 op.
        objective: The objective's name.
        trials: Trials that the search made.
    """

    low: Precision
    placement: Placement
    reasons: Mapping[str, Reason]
    objective: str
    trials: int


def document(plan: Plan, graph: Graph, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The lock file as plain data, in the order in which people read it."""
    low = [op for op in graph.ops if plan.placement[op.id] == plan.low]
    return {
        "format": FORMAT,
        **provenance,
        "precision": str(plan.low),
        "objective": plan.objective,
        "trials": plan.trials,
        "graph": {
            "fingerprint": graph.fingerprint(),
            "ops": len(graph.ops),
            "flops": graph.flops,
            "flops_low": sum(op.flops for op in low),
        },
        "casts": [
            f"{cast.tensor}: {cast.source} -> {cast.target}"
            for cast in casts(graph, plan.placement)
        ],
        "ops": {op.id: str(plan.placement[op.id]) for op in graph.ops},
        "fp32": {op_id: _reason(reason) for op_id, reason in plan.reasons.items()},
    }


def _reason(reason: Reason) -> dict[str, Any]:
    number = {} if reason.number is None else {"number": _json_number(reason.number)}
    return {"why": str(reason.why), "text": reason.text, **number}


def _json_number(number: float) -> float | str:
    return number if abs(number) != float("inf") else "inf"


def write_plan(path: Path, content: Mapping[str, Any]) -> Path:
    """Write the lock file, whole or not at all; the same bytes from the same content."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return write_bytes(path, text.encode())


def read_document(path: Path) -> dict[str, Any]:
    """The lock file as plain data.

    Raises:
        PlanError: It can't be read, or is no plan of this version.
    """
    remedy = "Make a new plan with --search."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanError(f"{path.name} can't be read: {error}", remedy) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise PlanError(f"{path.name} is not a plan of format {FORMAT}", remedy)
    return content


def replay(content: Mapping[str, Any], graph: Graph, low: Precision, name: str) -> Plan:
    """The plan in a lock file, checked against the graph that it is to be applied to.

    Raises:
        PlanError: It was made for another graph or precision, or is damaged.
    """
    remedy = "Make a new plan with --search, or restore the model that it was made for."
    try:
        fingerprint = content["graph"]["fingerprint"]
        placement = {k: Precision(v) for k, v in content["ops"].items()}
        reasons = {k: _parsed(v) for k, v in content["fp32"].items()}
        precision, trials = Precision(content["precision"]), int(content["trials"])
        objective = str(content["objective"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanError(f"{name} is damaged: {error!r}", remedy) from error
    if precision != low:
        raise PlanError(f"{name} is for {precision}, the script asks for {low}", remedy)
    if fingerprint != graph.fingerprint() or set(placement) != set(graph.by_id):
        raise PlanError(
            f"{name} was made for another graph{_difference(placement, graph)}", remedy
        )
    return Plan(low, placement, reasons, objective, trials)


def _parsed(reason: Mapping[str, Any]) -> Reason:
    number = reason.get("number")
    return Reason(
        Why(reason["why"]),
        str(reason["text"]),
        None if number is None else float(number),
    )


def _difference(placement: Placement, graph: Graph) -> str:
    gone = [name for name in placement if name not in graph.by_id]
    new = [name for name in graph.by_id if name not in placement]
    parts = [
        f"{len(names)} ops {what} (first: {names[0]})"
        for names, what in ((gone, "are gone"), (new, "are new"))
        if names
    ]
    return ": " + ", ".join(parts) if parts else ": its edges differ"
