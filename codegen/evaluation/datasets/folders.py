"""Datasets of arrays and sounds in folders."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.folders import Npy, Wav

from ...writing.code import literal
from ...writing.layout import values
from .reading import DATA, Reading, Readings


def _npy(dataset: Npy) -> Reading:
    if not dataset.inputs:
        title = "Each file of the folder, a folder within for each class."
        return Reading(title, (f"{DATA}.files.npy", "npy_folder"))
    return Reading(
        "The arrays of the folder, which stay on disk.",
        (f"{DATA}.files.npy", "read_npy"),
        {"inputs": values(dataset.inputs), "label": literal(dataset.label)},
    )


def _wav(dataset: Wav) -> Reading:
    return Reading(
        "Each sound of the folder, a folder within for each class.",
        (f"{DATA}.files.wav", "wav_folder"),
        {
            "rate": literal(dataset.rate),
            "length": literal(dataset.length),
            "layout": literal(dataset.layout),
        },
    )


READINGS: Readings = {Npy: _npy, Wav: _wav}

NAMES = "npy_folder read_npy wav_folder"
"""What a script imports for these."""
