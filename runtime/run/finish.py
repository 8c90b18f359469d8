"""What follows the search: the saved file is checked, and all is put in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..common.delivery import candidate_hash, deliver, destination
from ..common.progress import Progress
from ..evaluation.evaluation import (
    Batches,
    Evaluation,
    first_inputs,
    largest_error,
    rounded,
)
from ..evaluation.metrics.metric import Metric
from ..evaluation.saved import check_finite, evaluate_file, opened, predict_file
from ..frameworks.protocol import LoadSaved, Predict
from ..graph.graph import Graph
from ..record.plan import write_plan
from ..search.found import Plan


def compiled_package(
    progress: Progress,
    compile_saved: Callable[[Path, Path], Path],
    saved: Path,
    package: Path,
) -> Path:
    """Compile a saved model, in a process of its own."""
    progress.live("compile", f"{saved.name}: this takes a minute or more")
    made = compile_saved(saved, package)
    progress.line("compile", f"{saved.name} -> {package.name}")
    return made


def saved_evaluation(
    progress: Progress,
    load_saved: LoadSaved,
    path: Path,
    batches: Batches,
    metric: Callable[[], Metric],
) -> Evaluation:
    """Score a saved model in a fresh process, exactly and in full."""
    progress.live("check", f"{path.name} in a fresh process")
    found = opened(evaluate_file, load_saved, path, batches, metric)
    progress.line("check", checked(found, path, "a fresh process"))
    return found


def checked(found: Evaluation, path: Path, where: str) -> str:
    """What a saved model gave, for people."""
    finite = "" if found.finite else "  outputs are not finite"
    value = f"{found.metric} {rounded(found.value)}"
    return f"{value}  {path.name} loaded in {where}{finite}"


def saved_drift(
    progress: Progress,
    fp32: Predict,
    load_saved: LoadSaved,
    path: Path,
    batches: Batches,
) -> float:
    """Output error of a saved model on the first batch, in a fresh process."""
    progress.live("check", f"{path.name} in a fresh process")
    expected = fp32(first_inputs(batches))
    found = opened(predict_file, load_saved, path, batches)
    check_finite(expected, "the fp32 model's outputs are not finite")
    check_finite(found, "the converted model's outputs are not finite")
    error = largest_error(expected, found)
    text = f"output error {error:.1e}  {path.name} loaded in a fresh process"
    progress.line("check", text)
    return error


def bytes_differ(
    saved: Path, replayed: Mapping[str, Any] | None, changes: tuple[str, ...]
) -> bool:
    """Whether a replay made other bytes, and nothing that changed explains it."""
    if replayed is None or changes:
        return False
    recorded = replayed.get("model")
    known = recorded.get("sha256") if isinstance(recorded, dict) else None
    return known != candidate_hash(saved)


def nothing_low(graph: Graph, plan: Plan) -> bool:
    """Whether the result is fp32 throughout."""
    return all(plan.placement[op.id] != plan.low for op in graph.ops)


def why_nothing(plan: Plan) -> str:
    """Why every op stays fp32."""
    if plan.objective == "latency":
        return f"nothing gains from {plan.low} here"
    return "nothing was converted"


def plan_content(
    content: Mapping[str, Any], forms: Mapping[str, str], saved: Path
) -> dict[str, Any]:
    """The lock file's content with the kernels that stand for ops, and the model."""
    kernels = {"forms": dict(forms)} if forms else {}
    about = {"file": saved.name, "sha256": candidate_hash(saved)}
    return {**content, **kernels, "model": about}


def put_in_place(
    saved: Path,
    package: Path | None,
    plan: Path,
    content: Mapping[str, Any] | None,
    missed: bool,
) -> None:
    """Write the plan, if there is a new one, and deliver the candidates.

    The plan comes first: a full disk leaves the earlier pair alone. No package may
    stand beside a model that it isn't made from.
    """
    if content is not None:
        write_plan(plan, content)
    if package is not None:
        destination(package, missed).unlink(missing_ok=True)
    deliver(saved, missed)
    if package is not None:
        deliver(package, missed)
