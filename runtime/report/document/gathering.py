"""A run's report as the document that is written."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from ...common.version import VERSION
from ...frameworks.inputs import Input as Declared
from ...graph.graph import Graph
from ...record.header import spec_file
from ...search import Found
from ...search.found import Plan
from ..how_read import how_read
from ..report import Report
from ..summary import searched, untimed
from .contenders import accuracy_of, contenders_of, performance_of, size_of
from .document import FORMAT, Assumed, Calibrated, Document, Input, Origin
from .figures import Compute
from .modules import network, stretches
from .ops import above_int8, kept_in_fp32, most_sensitive
from .trials import trials
from .verdict import outcome
from .verdict import verdict as in_words


@dataclass(frozen=True)
class Facts:
    """What a run knows besides its report.

    Attributes:
        inputs: The model's.
        made_up: Whether there was no data.
        provenance: As the plan has it.
        model_sha256: Of what was delivered.
        lock: The plan that was asked for: the history is beside it.
        folder: Of the document.
    """

    graph: Graph
    plan: Plan
    found: Found
    inputs: Sequence[Declared]
    made_up: bool
    provenance: Mapping[str, Any]
    model_sha256: str
    lock: Path
    folder: Path


def document(report: Report, facts: Facts, now: datetime) -> Document:
    """What is written of a run."""
    graph, plan = facts.graph, facts.plan
    accuracy, contenders = accuracy_of(report), contenders_of(report)
    ranked_by, ops = most_sensitive(graph, plan)
    earlier = report.replayed or report.rebuilt is not None
    lock = facts.lock if earlier else None
    tried, history = trials(graph, plan, facts.found, report.judgement, lock)
    return Document(
        format=FORMAT,
        narrowcast=VERSION,
        name=report.name,
        made=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        outcome=outcome(report),
        verdict=in_words(report, accuracy, contenders, facts.made_up),
        exit_code=report.exit_code,
        precision=str(report.low),
        objective=report.objective,
        unit=plan.unit,
        searched=searched(report),
        compute=Compute(
            report.flops,
            report.flops_low,
            report.ops,
            report.ops_low,
            report.casts,
            report.kernels,
            report.flops_int8,
            report.ops_int8,
            report.quantized,
        ),
        accuracy=accuracy,
        drift=report.drift,
        contenders=contenders,
        untimed="" if report.latency is not None else untimed(report),
        size=size_of(report),
        trials=tried,
        network=network(graph, plan.placement, plan.low),
        order=stretches(graph, plan.placement, plan.low),
        ranked_by=ranked_by,
        ops=ops,
        fp32=kept_in_fp32(graph, plan),
        assumed=_assumed(report, facts),
        warnings=report.warnings,
        notes=report.notes,
        origin=_origin(report, facts),
        reproduce=_reproduce(report, facts),
        performance=performance_of(report),
        history=history,
        calibrated=_calibrated(facts.provenance),
        above_int8=above_int8(graph, plan, facts.provenance.get("no_int8_kernel", {})),
    )


def _calibrated(about: Mapping[str, Any]) -> Calibrated | None:
    said = about.get("calibration")
    if not said:
        return None
    return Calibrated(
        said["from"],
        said["samples"],
        said["batches"],
        said["digest"],
        tuple(said["algorithms"]),
        len(about.get("scales", {})),
    )


def _assumed(report: Report, facts: Facts) -> Assumed:
    data = report.judgement.result.data if report.judgement else None
    return Assumed(
        _inputs(report, facts),
        facts.made_up,
        None if data is None else data.batches,
        "" if data is None else data.digest,
        report.notes,
        () if facts.made_up else how_read(report.script),
    )


def _inputs(report: Report, facts: Facts) -> tuple[Input, ...]:
    """As declared; where only the model knows them, as they were when it was traced."""
    tensors = facts.graph.tensors
    known = [
        (each.name, each.shape, each.dtype or "")
        for each in facts.inputs
        if each.shape is not None
    ]
    traced = [
        (name, tensors[name].shape, tensors[name].dtype)
        for name in facts.graph.inputs
        if name in tensors
    ]
    return tuple(
        Input(name, _sizes(shape), dtype, report.drawn.get(name, ""))
        for name, shape, dtype in known or traced
    )


def _sizes(shape: Sequence[int | str]) -> str:
    return " × ".join(map(str, shape)) if shape else "scalar"


def _origin(report: Report, facts: Facts) -> Origin:
    about, machine = facts.provenance, facts.provenance["hardware"]
    package = report.package
    return Origin(
        framework=about["framework"],
        cpu=machine["cpu"],
        architecture=machine["architecture"],
        cuda=machine.get("cuda", ""),
        is_target=report.is_target,
        python=platform.python_version(),
        system=platform.system(),
        switches=about["switches"],
        spec=spec_file(report.script),
        spec_sha256=about["spec"],
        script=_beside(report.script, facts),
        plan=_beside(report.plan, facts),
        model=_beside(report.model, facts),
        package="" if package is None else _beside(package.path, facts),
        model_sha256=facts.model_sha256,
        graph=facts.graph.fingerprint(),
        files=about["files"],
    )


def _beside(path: Path, facts: Facts) -> str:
    """A file as it is found from the document's folder."""
    try:
        return Path(os.path.relpath(path, facts.folder)).as_posix()
    except ValueError:  # another drive
        return path.name


def _reproduce(report: Report, facts: Facts) -> dict[str, str]:
    """What to run, in the document's folder."""
    script, spec = _beside(report.script, facts), spec_file(report.script)
    python = f"python {quote(script)}"
    commands = {
        "Replay the plan, to the same bytes": python,
        "Search anew": f"{python} --search",
    }
    if spec:
        beside = quote((Path(script).parent / spec).as_posix())
        commands["Hold the script to its spec"] = (
            f"narrowcast generate {beside} --check"
        )
    return commands
