"""Neural Compressor's metrics."""

from __future__ import annotations

from ..marks import Parameters, unbuilt
from ..section import Section
from .names import ALL, ORT, TF, TORCH


class MetricNames(Section):
    """The metrics that are not built yet; any parameters."""

    Accuracy: Parameters = unbuilt("Share of predictions that are right.", ALL)
    BLEU: Parameters = unbuilt("Overlap of translations with references.", TF)
    COCOmAP: Parameters = unbuilt(
        "Mean average precision as COCO has it.", f"{TF} {ORT}"
    )
    COCOmAPv2: Parameters = unbuilt("COCOmAP with settings of its own.", f"{TF} {ORT}")
    F1: Parameters = unbuilt("Mean of precision and recall over words.", ALL)
    GLUE: Parameters = unbuilt("The metric of a GLUE task.", ORT)
    Loss: Parameters = unbuilt("Mean of the outputs, as a loss; lower is better.", ALL)
    MAE: Parameters = unbuilt("Mean absolute error; lower is better.", ALL)
    RMSE: Parameters = unbuilt("Root of the mean squared error; lower is better.", ALL)
    ROC: Parameters = unbuilt("Area under the ROC curve.", TORCH)
    SquadF1: Parameters = unbuilt("F1 of answers for SQuAD.", TF)
    VOCmAP: Parameters = unbuilt(
        "Mean average precision as Pascal VOC has it.", f"{TF} {ORT}"
    )
    mAP: Parameters = unbuilt("Mean average precision.", f"{TF} {ORT}")
    mIOU: Parameters = unbuilt("Mean overlap of segments.", TF)
