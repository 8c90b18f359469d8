"""What a plan says of how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..common.version import VERSION
from ..evaluation.identity import Identity, identity_data
from ..evaluation.judgement import Package, judgement_data
from ..hardware.requirements import Machine
from ..placement.measured.data import costs_data
from ..placement.measured.measured import MeasuredCosts
from .header import spec_sha256
from .sources import Sources, hashes


def provenance(
    name: str,
    script: Path,
    machine: Machine | None,
    switches: Mapping[str, str],
    notes: tuple[str, ...],
    sources: Sources,
    costs: MeasuredCosts | None,
    data: Identity | None = None,
    int8: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Versions, hardware, hashes and costs used, as plain data.

    Args:
        int8: What is to be said of scales and kernels.

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
        **({} if data is None else {"data": identity_data(data)}),
        **({} if costs is None else {"costs": costs_data(costs)}),
        **(int8 or {}),
    }


def executed(package: Package | None) -> dict[str, Any]:
    """How the result runs, and what became of the package, if there is one.

    Its hash is left out: compilers don't promise the same bytes, the `.pt2` does.
    """
    if package is None:
        return {"execution": "eager"}
    about = {"file": package.path.name, "judgement": judgement_data(package.judgement)}
    return {"execution": "compile", "package": about}
