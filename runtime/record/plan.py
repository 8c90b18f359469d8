"""The plan: a placement with its reasons, and the lock file that people commit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..common.errors import MODEL, NEW, OccupiedError, PlanError, UnreadablePlanError
from ..common.files import removed_on_failure, stage, standing, write_bytes
from ..common.strict_json import json_text
from ..frameworks.quantizing.quantization import Scales
from ..graph.graph import Graph, Placement, Precision, casts
from ..search.found import Plan
from ..search.sensitivity.estimate import Estimate, Method
from .plain_data import reason_data, reason_of, scales_of

FORMAT = 1
PLAN = ".plan.json"
"""How plans are called if nothing else is said."""


def document(plan: Plan, graph: Graph, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The lock file as plain data, in the order in which people read it."""
    quantized = [op.id for op in graph.ops if op.quantized]
    int8 = graph.flops_int8(plan.placement)
    return {
        "format": FORMAT,
        **provenance,
        "precision": str(plan.low),
        "objective": plan.objective,
        **({"unit": plan.unit} if plan.unit else {}),
        "trials": plan.trials,
        "graph": {
            "fingerprint": graph.fingerprint(),
            "ops": len(graph.ops),
            "flops": graph.flops,
            "flops_low": graph.flops_in(plan.placement, plan.low),
            **({"flops_int8": int8} if int8 else {}),
        },
        **_border(graph),
        "casts": [
            f"{cast.tensor}: {cast.source} -> {cast.target}"
            for cast in casts(graph, plan.placement)
        ],
        "ops": {op.id: str(plan.placement[op.id]) for op in graph.ops},
        **({"quantized": quantized} if quantized else {}),
        "fp32": _reasons(plan, fp32=True),
        **({"above_int8": _reasons(plan, fp32=False)} if graph.quantizable else {}),
        **({"sensitivity": list(map(_estimate, plan.ranking))} if plan.ranking else {}),
    }


def _border(graph: Graph) -> dict[str, Any]:
    """Inputs and outputs whose dtype the spec frees → what they are in."""
    freed = {"inputs": graph.given, "outputs": graph.returned}
    said = {
        key: {name: str(each) for name, each in found.items()}
        for key, found in freed.items()
        if found
    }
    return {"io": said} if said else {}


def _estimate(each: Estimate) -> dict[str, Any]:
    int8 = {"int8": True} if each.int8 else {}
    return {"op": each.op, "error": each.error, "share": each.share} | {
        "method": str(each.method),
        **int8,
    }


def _reasons(plan: Plan, fp32: bool) -> dict[str, dict[str, Any]]:
    """Of every fp32 op the reason, its share of the error and what it didn't gain.

    Or the same of every op that has an int8 kernel and is in 16 bits.
    """
    shares = {each.op: each.share for each in plan.ranking}
    found = {}
    for op_id, reason in plan.reasons.items():
        if (plan.placement[op_id] is Precision.FP32) is not fp32:
            continue
        share = {"share": shares[op_id]} if op_id in shares else {}
        gain = {"gain": plan.gains[op_id]} if plan.gains.get(op_id) else {}
        found[op_id] = {**reason_data(reason), **share, **gain}
    return found


def write_plan(path: Path, content: Mapping[str, Any]) -> Path:
    """Write the lock file, whole or not at all; the same bytes from the same content."""
    return write_bytes(path, json_text(content).encode())


@contextmanager
def replaced_plan(
    path: Path, content: Mapping[str, Any], model: Path
) -> Iterator[None]:
    """Replace the plan while its model is put in place meanwhile.

    Neither plan is there before its model is, whenever the process ends. A full disk
    is told first, and leaves the earlier pair alone; so does a model that stays.

    Args:
        model: The candidate, which is gone once it is in place.

    Raises:
        UsageError: The plan can't be written.
    """
    staged, path = stage(path, json_text(content).encode()), standing(path)
    aside = staged.with_name(f"{staged.name}.before")
    with removed_on_failure(staged):
        with suppress(FileNotFoundError):
            path.replace(aside)
        try:
            yield
        finally:
            if not model.exists():
                staged.replace(path)
                aside.unlink(missing_ok=True)
            elif aside.exists():
                aside.replace(path)


def check_replaceable(path: Path) -> None:
    """See that a new plan may take a file's place.

    Raises:
        OccupiedError: It is no plan, and is not called as one.
    """
    if path.name.endswith(PLAN) or not path.is_file():
        return
    data = path.read_bytes()
    with suppress(ValueError, RecursionError):
        if not data or "format" in dict(json.loads(data)):
            return
    raise OccupiedError(
        f"{path.name} is no plan: it is left alone", "Name another file with --plan."
    )


def read_document(path: Path) -> dict[str, Any]:
    """The lock file as plain data.

    Raises:
        PlanError: It can't be read, or is no plan of this version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        said = f"{path.name} can't be read: {error.strerror or error}"
        raise UnreadablePlanError(said, NEW) from error
    except (ValueError, RecursionError) as error:
        said = f"{path.name} can't be read: it is no JSON, or damaged"
        raise UnreadablePlanError(said, NEW) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UnreadablePlanError(f"{path.name} is not a plan of format {FORMAT}", NEW)
    return content


def replay(content: Mapping[str, Any], graph: Graph, low: Precision, name: str) -> Plan:
    """The plan in a lock file, checked against the graph that it is to be applied to.

    Raises:
        PlanError: It was made for another graph or precision, asks for a kernel that
            is missing here, or is damaged.
    """
    with damage(name):
        fingerprint = content["graph"]["fingerprint"]
        plan = Plan(
            Precision(content["precision"]),
            {k: Precision(v) for k, v in content["ops"].items()},
            {k: reason_of(v) for k, v in _recorded_reasons(content).items()},
            str(content["objective"]),
            int(content["trials"]),
            recorded_ranking(content, name),
            {
                k: float(v["gain"])
                for k, v in _recorded_reasons(content).items()
                if "gain" in v
            },
            str(content.get("unit", "")),
        )
    if plan.low.level != low.level:
        raise UnreadablePlanError(f"{name} is damaged: it is for {plan.low}", NEW)
    if plan.low != low:
        raise PlanError(f"{name} is for {plan.low}, the script asks for {low}", MODEL)
    if fingerprint != graph.fingerprint() or set(plan.placement) != set(graph.by_id):
        raise PlanError(
            f"{name} was made for another graph{_difference(plan.placement, graph)}",
            MODEL,
        )
    _check_kernels(plan, graph, name)
    return plan


def _recorded_reasons(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {**content["fp32"], **content.get("above_int8", {})}


def recorded_files(
    content: Mapping[str, Any], name: str
) -> dict[str, dict[str, str | None]]:
    """Kind → file → sha256, of what the plan was made with.

    Raises:
        PlanError: The plan is damaged.
    """
    with damage(name):
        return {kind: dict(files) for kind, files in content["files"].items()}


def recorded_scales(content: Mapping[str, Any], name: str) -> Scales:
    """Tensor → its scale, of what int8 ops take.

    Raises:
        PlanError: The plan is damaged, or was made without int8.
    """
    if "scales" not in content:
        raise PlanError(f"{name} was made without int8, the script asks for it", NEW)
    with damage(name):
        return scales_of(content["scales"])


def recorded_forms(content: Mapping[str, Any], name: str) -> dict[str, str]:
    """Op id → the faster kernel that it is low in.

    Raises:
        PlanError: The plan is damaged.
    """
    with damage(name):
        return {str(k): str(v) for k, v in content.get("forms", {}).items()}


def recorded_ranking(content: Mapping[str, Any], name: str) -> tuple[Estimate, ...]:
    """What each op was estimated to do to the outputs, worst first.

    Raises:
        PlanError: The plan is damaged.
    """
    with damage(name):
        return tuple(
            Estimate(
                str(row["op"]),
                float(row["error"]),
                float(row["share"]),
                Method(row["method"]),
                bool(row.get("int8", False)),
            )
            for row in content.get("sensitivity", ())
        )


@contextmanager
def damage(name: str) -> Iterator[None]:
    """Make a PlanError of what reading a damaged plan raises."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UnreadablePlanError(f"{name} is damaged: {error!r}", NEW) from error


def _check_kernels(plan: Plan, graph: Graph, name: str) -> None:
    for op in graph.ops:
        precision = plan.placement[op.id]
        int8 = precision is Precision.INT8 and graph.quantizable
        if precision not in (plan.low, Precision.FP32) and not int8:
            raise UnreadablePlanError(
                f"{name} is damaged: {op.id} is {precision} in it", NEW
            )
        if precision is not Precision.FP32 and op.kernel(precision) is None:
            raise PlanError(
                f"{name} has {op.id} in {precision}, which has no such kernel here", NEW
            )


def _difference(placement: Placement, graph: Graph) -> str:
    gone = [name for name in placement if name not in graph.by_id]
    new = [name for name in graph.by_id if name not in placement]
    parts = [
        f"{len(names)} op{'s are' if len(names) > 1 else ' is'} {what} (first: {names[0]})"
        for names, what in ((gone, "gone"), (new, "new"))
        if names
    ]
    return ": " + ", ".join(parts) if parts else ": its edges differ"
