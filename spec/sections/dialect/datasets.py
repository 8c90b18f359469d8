"""Neural Compressor's datasets."""

from __future__ import annotations

from ..marks import Parameters, unbuilt
from ..section import Section
from .names import ALL, ORT, TF, TORCH


class DatasetNames(Section):
    """The datasets that are not built yet; any parameters."""

    bert: Parameters = unbuilt("Features for BERT in a file.", f"{TF} {TORCH}")
    mzbert: Parameters = unbuilt("Features for Model Zoo's BERT in TFRecord files.", TF)
    GLUE: Parameters = unbuilt("Sentences of a GLUE task.", ORT)
    dummy: Parameters = unbuilt("Random samples of one shape or several.", ALL)
    dummy_v2: Parameters = unbuilt("Random samples of stated shapes.", ALL)
    sparse_dummy_v2: Parameters = unbuilt(
        "Random sparse samples of stated shapes.", ALL
    )
