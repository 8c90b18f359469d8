"""Metrics of classes."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.classification import (
    CORRELATED,
    F1,
    GLUE,
    MATTHEWS,
    ROC,
    Accuracy,
    OfClasses,
    TopK,
)

from ...writing.code import Code, literal
from .making import METRICS, Making, Makings

CLASSES = f"{METRICS}.classification"
RIGHT = "the share of predictions that are right."


def _topk(metric: TopK) -> Making:
    k = metric.k
    among = "the largest output" if k == 1 else f"among the {k} largest outputs"
    title = f"Top-{k}: the share of samples whose label is {among}."
    return Making(title, (f"{METRICS}.topk", "TopK"), {"k": literal(k)})


def _accuracy(metric: Accuracy) -> Making:
    title = f"Accuracy: {RIGHT}"
    return Making(title, (f"{CLASSES}.accuracy", "Accuracy"), _scores(metric))


def _scores(metric: OfClasses) -> dict[str, Code]:
    """How class numbers are made of scores, where that is written."""
    given = {"threshold": metric.threshold, "axis": metric.axis}
    return {key: literal(value) for key, value in given.items() if value is not None}


def _f1(metric: F1) -> Making:
    of = (
        "of class 1" if metric.average == "binary" else f"{metric.average} over classes"
    )
    title = f"F1: the harmonic mean of precision and recall, {of}."
    arguments = {"average": literal(metric.average), **_scores(metric)}
    return Making(title, (f"{CLASSES}.f1", "F1"), arguments)


def _roc(metric: ROC) -> Making:
    return Making("The area under the ROC curve.", (f"{CLASSES}.roc", "ROC"))


def _glue(metric: GLUE) -> Making:
    task = f"GLUE's {metric.task}"
    if metric.task == MATTHEWS:
        title = f"{task}: Matthews' correlation of predicted with wanted classes."
        return Making(title, (f"{CLASSES}.matthews", "Matthews"))
    if metric.task == CORRELATED:
        title = f"{task}: the mean of Pearson's and Spearman's correlation."
        return Making(title, (f"{METRICS}.regression.correlation", "Correlation"))
    return Making(f"{task}: {RIGHT}", (f"{CLASSES}.accuracy", "Accuracy"))


MAKINGS: Makings = {
    TopK: _topk,
    Accuracy: _accuracy,
    F1: _f1,
    ROC: _roc,
    GLUE: _glue,
}

NAMES = "Accuracy Correlation F1 Matthews ROC TopK"
"""What a script imports for these."""
