"""Datasets in one file each."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.files import Csv, Npz

from ...writing.code import Code, literal
from ...writing.layout import Group, values
from .reading import DATA, Reading, Readings


def _npz(dataset: Npz) -> Reading:
    return Reading(
        "All samples of the archive, read once.",
        (f"{DATA}.files.npz", "read_npz"),
        {"inputs": values(dataset.inputs), "label": literal(dataset.label)},
    )


def _csv(dataset: Csv) -> Reading:
    """Without the defaults that people expect."""
    arguments: dict[str, Code | Group] = {"label": literal(dataset.label)}
    if dataset.shape is not None:
        arguments["shape"] = values(dataset.shape)
    if dataset.header:
        arguments["header"] = literal(True)
    if dataset.delimiter != ",":
        arguments["delimiter"] = literal(dataset.delimiter)
    return Reading(
        "All samples of the file, one row each, read once.",
        (f"{DATA}.files.csv", "read_csv"),
        arguments,
    )


READINGS: Readings = {Npz: _npz, Csv: _csv}

NAMES = "read_csv read_npz"
"""What a script imports for these."""
