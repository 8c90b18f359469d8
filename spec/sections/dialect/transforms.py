"""Neural Compressor's transforms of outputs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from ..fields import Refused, whole
from ..marks import Parameters, empty, unbuilt
from ..section import Section
from .names import ORT, TF, TORCH


def _shift(value: object) -> object:
    """A number, in quotes or not, or parameters as a mapping."""
    shift = whole(empty(value))
    if isinstance(shift, bool) or not isinstance(shift, dict | int):
        raise Refused("the labels are shifted by an integer", "LabelShift: 1")
    return shift


class PostTransformNames(Section):
    """The transforms of outputs and labels that are not built yet."""

    LabelShift: Annotated[
        dict[str, Any] | int | None,
        BeforeValidator(
            _shift, json_schema_input_type=dict[str, Any] | int | str | None
        ),
    ] = unbuilt("Subtract a number from the labels.", f"{TF} {TORCH} {ORT}")
    Collect: Parameters = unbuilt("Gather so many outputs.", TF)
    ModelZooCollect: Parameters = unbuilt("Gather outputs of Model Zoo's BERT.", TF)
    SquadV1: Parameters = unbuilt("Outputs as answers for SQuAD.", TF)
    SquadV1ModelZoo: Parameters = unbuilt("Model Zoo's answers for SQuAD.", TF)
