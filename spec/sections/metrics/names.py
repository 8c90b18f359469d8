"""The metrics of the runtime, by the names that Neural Compressor has for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from ..fields import Size
from . import classification, detection, regression, segmentation, text


def _largest(k: object) -> object:
    return None if k is None else {"k": k}


class BuiltInMetrics(
    classification.Catalogue,
    regression.Catalogue,
    segmentation.Catalogue,
    detection.Catalogue,
    text.Catalogue,
):
    """One field for each metric."""

    topk: Annotated[
        classification.TopK | None,
        BeforeValidator(_largest, json_schema_input_type=Size | None),
    ] = Field(
        default=None,
        description="Share of samples whose label is among the k largest outputs.",
    )
