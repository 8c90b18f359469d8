"""Documents of reports, of graphs that no framework traced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.timing import Latency
from narrowcast.runtime.evaluation.criterion import Criterion
from narrowcast.runtime.evaluation.evaluation import Evaluation
from narrowcast.runtime.evaluation.identity import Identity
from narrowcast.runtime.evaluation.judgement import Judgement
from narrowcast.runtime.evaluation.performance.performed import Performed, Speed
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import (
    Graph,
    Kernel,
    Kind,
    Op,
    Precision,
    Slot,
    Tensor,
)
from narrowcast.runtime.graph.pins import Reason, Why
from narrowcast.runtime.report.comparison import RuleBased
from narrowcast.runtime.report.document.document import Document
from narrowcast.runtime.report.document.gathering import Facts, document
from narrowcast.runtime.report.report import Report
from narrowcast.runtime.search import Found
from narrowcast.runtime.search.found import Plan
from narrowcast.runtime.search.sensitivity.estimate import Estimate, Method
from narrowcast.runtime.search.trials import Trial

FP32, BF16 = Precision.FP32, Precision.BF16
BOTH = (Kernel(FP32, FP32), Kernel(BF16, BF16))

HOSTILE = (
    "</style></svg><script>alert(1)</script>",
    "\" onmouseover='alert(1)' x=\"",
    "`code` | [link](http://example.com) | **bold** @everyone <img src=x>",
    "\x1b[2Jclear \u202eright to left\u0000 \ud800 &amp; &#x3c;",
    "javascript:alert(1)//\n\n# heading\n| a | b |",
)
"""Names that files of strangers may hold."""


def chain(names: tuple[str, ...], scopes: tuple[str, ...] = ()) -> Graph:
    """Ops one after the other, each with ten times the FLOPs of its place."""
    ops = tuple(
        Op(
            name,
            "conv2d" if k % 2 else "relu",
            Kind.COMPUTE,
            (Slot(names[k - 1] if k else "x"),),
            (name,),
            scope=scopes[k] if scopes else "",
            flops=10 * k,
            kernels=BOTH,
        )
        for k, name in enumerate(names)
    )
    tensors = {name: Tensor(name, "float32", (5,)) for name in ("x", *names)}
    return Graph(ops, tensors, ("x",), (names[-1],))


def plan_of(graph: Graph, fp32: tuple[str, ...], ranked: bool = True) -> Plan:
    """All low but these, which accuracy keeps."""
    kept = {name: Reason(Why.ACCURACY, f"{name} is off by 12%", 0.12) for name in fp32}
    share = 1 / max(len(graph.ops), 1)
    ranking = [Estimate(op.id, 0.01, share, Method.SKETCH) for op in graph.ops]
    return Plan(
        BF16,
        {op.id: FP32 if op.id in fp32 else BF16 for op in graph.ops},
        kept,
        "low_compute",
        2,
        tuple(ranking) if ranked else (),
        dict.fromkeys(fp32, 10.0),
        "FLOPs",
    )


def report_of(graph: Graph, plan: Plan, folder: Path, **changes: Any) -> Report:
    """What a run that went well says."""
    low = [op for op in graph.ops if plan.placement[op.id] == BF16]
    seen = Identity(8, "ab" * 8)
    judged = Judgement(
        Criterion(absolute=0.01),
        Evaluation("top-1", 0.9, 500, True),
        Evaluation("top-1", 0.895, 500, True, data=seen),
    )
    latency = {
        name: Latency(ms / 1e3, ms / 1.02e3, ms / 0.98e3, 50)
        for name, ms in (("fp32", 4), ("prepared", 3), ("result", 2), ("rules", 2.5))
    }
    made = Report(
        name="net",
        low=BF16,
        objective="low_compute",
        flops=graph.flops,
        flops_low=sum(op.flops for op in low),
        ops=len(graph.ops),
        ops_low=len(low),
        casts=2,
        fp32_bytes=4_000_000,
        saved_bytes=2_100_000,
        judgement=judged,
        drift=None,
        latency=latency,
        trials=2,
        replayed=False,
        interrupted=False,
        is_target=True,
        kernels="",
        fp32={},
        script=folder / "convert_net.py",
        model=folder / "net.pt2",
        plan=folder / "net.plan.json",
        warnings=(),
        rules=RuleBased(graph.flops, evaluation=Evaluation("top-1", 0.5, 500, True)),
    )
    return replace(made, **changes)


def facts_of(graph: Graph, plan: Plan, folder: Path) -> Facts:
    """What the run knows besides: two trials, of which the second passed."""
    everything = dict.fromkeys(graph.by_id, BF16)
    tried = (
        Trial(1, {}, everything, Evaluation("top-1", 0.6, 64, True, full=False), False),
        Trial(2, {}, plan.placement, Evaluation("top-1", 0.895, 500, True), True),
    )
    about = {
        "framework": "torch 2.13.0",
        "hardware": {"cpu": "AMD EPYC", "architecture": "x86", "is_target": True},
        "switches": {"TF32": "off"},
        "spec": "ab" * 32,
        "files": {"model": {"data/net.pth": "cd" * 32}},
    }
    inputs = (Input("x", ("batch", 5), "float32"),)
    lock = folder / "net.plan.json"
    found = Found((plan,), tried)
    return Facts(graph, plan, found, inputs, False, about, "ef" * 32, lock, folder)


WHEN = datetime(2026, 11, 30, 12, tzinfo=UTC)


def documented(
    names: tuple[str, ...] = ("stem", "sine", "head"),
    fp32: tuple[str, ...] = ("sine",),
    scopes: tuple[str, ...] = (),
    folder: Path = Path("/made"),
    ranked: bool = True,
    **changes: Any,
) -> Document:
    """The document of a run over a chain of ops.

    Args:
        changes: Of its `Report`.
    """
    graph = chain(names, scopes)
    plan = plan_of(graph, fp32, ranked)
    report = report_of(graph, plan, folder, **changes)
    return document(report, facts_of(graph, plan, folder), WHEN)


def performed() -> Document:
    """With all that `evaluation.performance` asks for."""
    models = {}
    for key, ms in (("fp32", 4.0), ("prepared", 3.0), ("result", 2.0)):
        taken = (ms / 1e3, ms / 0.9e3, ms / 0.8e3)
        rate = 64e3 / ms
        noise = (0.98 * rate, 1.02 * rate)
        models[key] = Speed(taken, taken[:2], rate, noise, 90, 2**28)
    return documented(performed=Performed(models, 64, 2, 4, ("taskset is not there",)))


def hostile() -> Document:
    """Where every name is one that wants to be something else."""
    scopes = tuple(f"block.{name}" for name in HOSTILE)
    return documented(
        HOSTILE,
        HOSTILE[1:3],
        scopes,
        name=HOSTILE[0],
        warnings=HOSTILE,
        notes=HOSTILE,
    )
