"""Metrics of numbers."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.regression import MSE

from .making import METRICS, Making, Makings, compared


def _mse(metric: MSE) -> Making:
    wanted = "the label" if metric.compare_label else "fp32's own output"
    title = f"Mean over samples of the squared difference from {wanted}."
    return Making(title, (f"{METRICS}.mse", "MSE"), compared(metric))


MAKINGS: Makings = {MSE: _mse}
