"""Metrics of maps and of texts."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.segmentation import MIoU
from narrowcast.spec.sections.metrics.text import BLEU, SquadF1

from ...writing.code import literal
from .making import METRICS, Making, Makings


def _miou(metric: MIoU) -> Making:
    title = "mIOU: the mean over classes of intersection over union."
    arguments = {"num_classes": literal(metric.num_classes)}
    return Making(title, (f"{METRICS}.segmentation.miou", "MIoU"), arguments)


def _bleu(metric: BLEU) -> Making:
    title = "BLEU of the corpus, in lower case, 0 to 100."
    return Making(title, (f"{METRICS}.text.bleu", "BLEU"))


def _squad_f1(metric: SquadF1) -> Making:
    title = "Mean over questions of the F1 of words of answers, 0 to 100."
    return Making(title, (f"{METRICS}.text.squad_f1", "SquadF1"))


MAKINGS: Makings = {MIoU: _miou, BLEU: _bleu, SquadF1: _squad_f1}

NAMES = "BLEU MIoU SquadF1"
"""What a script imports for these."""
