"""Datasets of rows."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.tables import Jsonl, Parquet, Rows

from ...writing.code import Code, literal
from ...writing.imports import Import
from ...writing.layout import Group, values
from .reading import DATA, Around, Reading, Readings

TOKENIZED: Import = (f"{DATA}.text.tokenized", "tokenized")


def _parquet(dataset: Parquet) -> Reading:
    title = "The rows of the file, read in groups when they are asked for."
    return _rows(dataset, title, (f"{DATA}.files.parquet", "read_parquet"))


def _jsonl(dataset: Jsonl) -> Reading:
    title = "One object a line, read when it is asked for."
    return _rows(dataset, title, (f"{DATA}.files.jsonl", "read_jsonl"))


def _rows(dataset: Rows, title: str, reader: Import) -> Reading:
    arguments: dict[str, Code | Group] = {
        "inputs": values(dataset.inputs),
        "label": literal(dataset.label),
    }
    if dataset.shape is not None:
        arguments["shape"] = values(dataset.shape)
    around = () if dataset.tokenizer is None else (_tokenized(dataset),)
    return Reading(title, reader, arguments, around=around)


def _tokenized(dataset: Rows) -> Around:
    arguments = tokens(dataset.max_seq_length, dataset.do_lower_case)
    arguments["segments"] = literal(dataset.segments)
    return Around(TOKENIZED, ("TOKENIZER",), arguments)


def tokens(length: int, lower_case: bool | None) -> dict[str, Code | Group]:
    """What a tokenizer is read with."""
    given: dict[str, Code | Group] = {"length": literal(length)}
    if lower_case is not None:
        given["lower_case"] = literal(lower_case)
    return given


READINGS: Readings = {Parquet: _parquet, Jsonl: _jsonl}

NAMES = "read_jsonl read_parquet tokenized"
"""What a script imports for these."""
