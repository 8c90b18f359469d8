"""Least bytes of weights over three labels; then FLOPs in the fewest bits, then bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph.graph import Graph, Op, Precision
from ..costs import cast_bytes, idle_bytes
from .problem import LabelProblem, label_problem
from .shares import Share, copies

WORK, MOVED = 0.5, 1e-4
"""What all FLOPs in fp32, and all bytes that may be moved, count as: less than one byte
of weights together, so that whole bytes decide first."""


def stored_labels(graph: Graph, low: Precision) -> LabelProblem:
    """The problem that places `graph` with the least bytes of weights."""
    labels = (Precision.FP32, low, Precision.INT8)
    most = sum(t.elements * t.runs for t in graph.tensors.values())
    moved = MOVED / (1.0 + 16.0 * len(labels) * most)
    work = WORK / (1.0 + Precision.FP32.bytes * graph.flops)

    def cost(op: Op, label: Precision) -> float:
        bits = 0 if op.quantized else op.flops * label.bytes
        return work * bits + moved * idle_bytes(graph, op, label)

    problem = label_problem(graph, low, cost, cast_bytes)
    conversions = [_scaled(share, moved) for share in problem.shares]
    weights = copies(graph, labels, problem.nodes)
    return replace(problem, shares=(*conversions, *weights))


def _scaled(share: Share, factor: float) -> Share:
    return replace(share, table=np.asarray(share.table * factor))
