"""The metrics of the runtime, by the names that Neural Compressor has for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from ..fields import Size
from ..section import Block, Section
from . import classification, detection, regression, segmentation, text


def _largest(k: object) -> object:
    return None if k is None else {"k": k}


class BuiltInMetrics(Section):
    """One field for each metric."""

    topk: Annotated[
        classification.TopK | None,
        BeforeValidator(_largest, json_schema_input_type=Size | None),
    ] = Field(
        default=None,
        description="Share of samples whose label is among the k largest outputs.",
    )
    Accuracy: Block[classification.Accuracy] = Field(
        default=None, description="Share of predictions that are right."
    )
    F1: Block[classification.F1] = Field(
        default=None, description="Harmonic mean of precision and recall."
    )
    ROC: Block[classification.ROC] = Field(
        default=None, description="Area under the ROC curve."
    )
    GLUE: Block[classification.GLUE] = Field(
        default=None, description="The metric of a GLUE task."
    )
    MSE: Block[regression.MSE] = Field(
        default=None, description="Mean squared error between outputs and labels."
    )
    RMSE: Block[regression.RMSE] = Field(
        default=None, description="Root of the mean squared error; lower is better."
    )
    MAE: Block[regression.MAE] = Field(
        default=None, description="Mean absolute error; lower is better."
    )
    Loss: Block[regression.Loss] = Field(
        default=None, description="Mean of outputs that are a loss; lower is better."
    )
    mIOU: Block[segmentation.MIoU] = Field(
        default=None, description="Mean overlap of segments, over classes."
    )
    mAP: Block[detection.MAP] = Field(
        default=None, description="Mean average precision of boxes."
    )
    COCOmAP: Block[detection.COCOmAP] = Field(
        default=None, description="Mean average precision as COCO has it."
    )
    COCOmAPv2: Block[detection.COCOmAPv2] = Field(
        default=None, description="COCOmAP of outputs in any order."
    )
    VOCmAP: Block[detection.VOCmAP] = Field(
        default=None, description="Mean average precision as Pascal VOC has it."
    )
    BLEU: Block[text.BLEU] = Field(
        default=None, description="Overlap of translations with references."
    )
    SquadF1: Block[text.SquadF1] = Field(
        default=None, description="F1 of answers for SQuAD."
    )
