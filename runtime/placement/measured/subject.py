"""What measured costs are of, and what determines them: by these they are found again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ...common.version import VERSION
from ...frameworks.protocol import Traced
from ...graph.graph import Graph, Precision
from ...hardware.requirements import Machine

THREADS = ("OMP", "MKL", "OPENBLAS", "KMP", "TF_NUM", "MXNET", "GOMP", "DNNL", "ONEDNN")
"""Prefixes of environment variables that set threads and kernels."""


def costed(graph: Graph) -> str:
    """sha256 over what the graph knows of its ops' work: shapes, FLOPs and kernels too.

    `Graph.fingerprint` leaves these out; costs at another batch size are others.
    """
    ops = [
        [
            op.id,
            op.type,
            op.kind,
            [[slot.tensor, slot.castable] for slot in op.inputs],
            op.outputs,
            op.flops,
            [[kernel.input, kernel.output] for kernel in op.kernels],
        ]
        for op in graph.ops
    ]
    tensors = [
        [t.name, t.dtype, t.shape, t.constant, t.runs] for t in graph.tensors.values()
    ]
    return key([ops, tensors, graph.inputs, graph.outputs])


def subject(traced: Traced, low: Precision, forms: Mapping[str, str]) -> dict[str, Any]:
    """What costs must be of to be used.

    Args:
        forms: Kernels that stand for ops.
    """
    return {"precision": str(low), "graph": costed(traced.graph), "forms": dict(forms)}


def circumstances(traced: Traced, machine: Machine | None) -> dict[str, Any]:
    """What else determines them: machine, threads, versions and settings."""
    environ = {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(THREADS)
    }
    return {
        **machine_data(machine),
        "flags": key(sorted(machine.cpu.flags)) if machine else "",
        "cores": _cores(),
        "environment": environ,
        "switches": dict(traced.switches),
    }


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine_data(machine: Machine | None) -> dict[str, str]:
    """What measures, and where."""
    return {
        "narrowcast": VERSION,
        "framework": machine.framework if machine else "",
        "cpu": machine.cpu.model if machine else "",
        "cuda": machine.cuda if machine else "",
    }


def key(value: Any) -> str:
    """sha256 by which plain data is found again."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
