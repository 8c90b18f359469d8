"""Metrics of classes."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.classification import TopK

from ...writing.code import literal
from .making import METRICS, Making, Makings


def _topk(metric: TopK) -> Making:
    k = metric.k
    among = "the largest output" if k == 1 else f"among the {k} largest outputs"
    title = f"Top-{k}: the share of samples whose label is {among}."
    return Making(title, (f"{METRICS}.topk", "TopK"), {"k": literal(k)})


MAKINGS: Makings = {TopK: _topk}
