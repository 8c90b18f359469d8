"""Metrics of numbers."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.regression import MAE, MSE, RMSE, Loss, MeanError

from ...writing.code import Code, literal
from ...writing.imports import Import
from .making import METRICS, Making, Makings


def _error(title: str, metric: Import, section: MeanError) -> Making:
    """What a script says of an error and what it compares with."""
    compared = "the label" if section.compare_label else "fp32's own output"
    arguments: dict[str, Code] = {}
    if not section.compare_label:
        arguments["compare_label"] = literal(False)
    return Making(f"{title} {compared}.", metric, arguments)


def _mse(metric: MSE) -> Making:
    title = "Mean over samples of the squared difference from"
    return _error(title, (f"{METRICS}.mse", "MSE"), metric)


def _rmse(metric: RMSE) -> Making:
    title = "Root of the mean over samples of the squared difference from"
    return _error(title, (f"{METRICS}.regression.rmse", "RMSE"), metric)


def _mae(metric: MAE) -> Making:
    title = "Mean over samples of the absolute difference from"
    return _error(title, (f"{METRICS}.regression.mae", "MAE"), metric)


def _loss(metric: Loss) -> Making:
    title = "Mean over samples of the loss that the model gives."
    return Making(title, (f"{METRICS}.regression.loss", "Loss"))


MAKINGS: Makings = {MSE: _mse, RMSE: _rmse, MAE: _mae, Loss: _loss}

NAMES = "Loss MAE MSE RMSE"
"""What a script imports for these."""
