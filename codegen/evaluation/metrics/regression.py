"""Metrics of numbers."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.regression import MSE

from .making import METRICS, Making, Makings


def _mse(metric: MSE) -> Making:
    title = "Mean over samples of the squared difference from the label."
    return Making(title, (f"{METRICS}.mse", "MSE"))


MAKINGS: Makings = {MSE: _mse}
