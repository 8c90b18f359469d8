"""Datasets of text that Neural Compressor has."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.text import Bert, Features, Glue, MzBert

from ...writing.code import literal
from ...writing.imports import Import
from ...writing.layout import values
from .reading import DATA, DECODED, Reading, Readings
from .tables import tokens

TRIMMED: Import = (f"{DATA}.text.trimmed", "Trimmed")
INPUTS = ("input_ids", "input_mask", "segment_ids")
LABELS = {"squad": "unique_ids", "classifier": "label_ids"}


def _glue(dataset: Glue) -> Reading:
    tokenizer = tokens(dataset.max_seq_length, dataset.do_lower_case)
    arguments = {"task": literal(dataset.task), **tokenizer}
    arguments["segments"] = literal(dataset.segments)
    arguments["evaluate"] = literal(dataset.evaluate)
    if dataset.swapped:
        arguments["swapped"] = literal(True)
    return Reading(
        f"The sentences of {dataset.task}, as tokens.",
        (f"{DATA}.text.glue", "read_glue"),
        arguments,
        batched=TRIMMED if dataset.dynamic_length else DECODED,
    )


def _features(dataset: Features) -> Reading:
    inputs = INPUTS if dataset.segments else INPUTS[:2]
    return Reading(
        "The tokens in the file's records, one sample each.",
        (f"{DATA}.text.features", "read_features"),
        {"inputs": values(inputs), "label": literal(LABELS[dataset.task])},
    )


def _bert(dataset: Bert) -> Reading:
    if not dataset.asks:
        return _features(dataset)
    arguments = tokens(dataset.max_seq_length, dataset.do_lower_case)
    arguments["stride"] = literal(dataset.doc_stride)
    arguments["question_length"] = literal(dataset.max_query_length)
    arguments["segments"] = literal(dataset.segments)
    return Reading(
        "The questions of the file, with windows of their paragraphs, as tokens.",
        (f"{DATA}.text.squad", "read_squad"),
        arguments,
    )


READINGS: Readings = {Glue: _glue, Bert: _bert, MzBert: _features}

NAMES = "Trimmed read_features read_glue read_squad"
"""What a script imports for these."""
