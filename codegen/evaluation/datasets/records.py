"""Datasets in TFRecord files."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.records import (
    COCORecord,
    ImageRecord,
    TFRecordDataset,
    VOCRecord,
)

from .reading import DATA, Reading, Readings

MODULE = f"{DATA}.records.images"


def _raw(_dataset: TFRecordDataset) -> Reading:
    return _in_order("Records as they are", "RawRecords")


def _imagenet(_dataset: ImageRecord) -> Reading:
    return _in_order("Images and their classes", "ImageRecords")


def _coco(_dataset: COCORecord) -> Reading:
    return _in_order("Images of COCO and their objects", "CocoRecords")


def _voc(_dataset: VOCRecord) -> Reading:
    return _in_order("Images of VOC and their pixels' classes", "VocRecords")


def _in_order(what: str, reader: str) -> Reading:
    return Reading(f"{what}, in order of the files' paths.", (MODULE, reader))


READINGS: Readings = {
    TFRecordDataset: _raw,
    ImageRecord: _imagenet,
    COCORecord: _coco,
    VOCRecord: _voc,
}

NAMES = "CocoRecords ImageRecords RawRecords VocRecords"
"""What a script imports for these."""
