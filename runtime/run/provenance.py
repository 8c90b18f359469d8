"""What a plan says of how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..common.version import VERSION
from ..hardware.requirements import Machine
from ..placement.measured.data import costs_data
from ..placement.measured.measured import MeasuredCosts
from ..record.header import spec_sha256
from ..record.sources import Sources, hashes
from ..report.report import Judgement, Package


def provenance(
    name: str,
    script: Path,
    machine: Machine | None,
    switches: Mapping[str, str],
    notes: tuple[str, ...],
    sources: Sources,
    costs: MeasuredCosts | None,
    judgement: Judgement | None,
) -> dict[str, Any]:
    """Versions, hardware, hashes, costs used and accuracy, as plain data.

    No clock goes in but measured costs, which decided: the same run gives the same plan.
    """
    return {
        "narrowcast": VERSION,
        "name": name,
        "framework": machine.framework if machine else "",
        "hardware": {
            "architecture": machine.cpu.architecture if machine else "",
            "cpu": machine.cpu.model if machine else "",
            **({"cuda": machine.cuda} if machine and machine.cuda else {}),
            "is_target": machine is not None and machine.is_target,
        },
        "switches": dict(switches),
        **({"notes": list(notes)} if notes else {}),
        "spec": spec_sha256(script),
        "files": hashes(sources, script),
        **({} if costs is None else {"costs": costs_data(costs)}),
        "judgement": None if judgement is None else judgement_data(judgement),
    }


def executed(package: Package | None) -> dict[str, Any]:
    """How the result runs, and what became of the package, if there is one.

    Its hash is left out: compilers don't promise the same bytes, the `.pt2` does.
    """
    if package is None:
        return {"execution": "eager"}
    judged = package.judgement
    about = {
        "file": package.path.name,
        "judgement": None if judged is None else judgement_data(judged),
    }
    return {"execution": "compile", "package": about}


def judgement_data(judgement: Judgement) -> dict[str, Any]:
    """A judgement as plain data."""
    return {
        "metric": judgement.result.metric,
        "samples": judgement.result.samples,
        "fp32": judgement.baseline.value,
        "result": judgement.result.value,
        "criterion": asdict(judgement.criterion),
        "holds": judgement.holds,
    }
