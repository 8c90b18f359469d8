"""Datasets in TFRecord files, which any framework reads here."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from ...releases.libraries import PILLOW
from ..fields import File
from ..marks import unused
from ..section import Block, Section
from ..transforms.conversions import (
    ParseDecodeCoco,
    ParseDecodeImagenet,
    ParseDecodeVoc,
)
from .dataset import BuiltInDataset


class Records(BuiltInDataset):
    """Records in TFRecord files, in order of the files' paths and within them."""

    images = True
    root: File = Field(
        description="A TFRecord file, or a pattern of several (`val-*`)."
    )

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.root}


class TFRecordDataset(Records):
    """Records as they are: the transform ParseDecodeImagenet, ParseDecodeCoco or
    ParseDecodeVoc makes images and labels of them."""

    to_label = (
        "write the transform ParseDecodeImagenet, ParseDecodeCoco or ParseDecodeVoc, or "
        "a dataset of your own"
    )

    @property
    def labelled(self) -> bool:
        return False


class ImageRecord(Records):
    """Images of ImageNet with their classes, which TensorFlow's script counts from 1."""

    packages = (PILLOW,)
    root: File = Field(
        description="The folder of TFRecord files called `*-*-of-*`; or a file, or a "
        "pattern of several."
    )


class COCORecord(Records):
    """Images of COCO with their objects."""

    packages = (PILLOW,)
    num_cores: Any = unused(28, "Files that are read at once.")


class VOCRecord(Records):
    """Images of Pascal VOC, with the class of each pixel."""

    packages = (PILLOW,)
    root: File = Field(
        description="The folder of TFRecord files called `val-*`; or a file, or a "
        "pattern of several."
    )


DECODED: Mapping[type[Section], type[Records]] = {
    ParseDecodeImagenet: ImageRecord,
    ParseDecodeCoco: COCORecord,
    ParseDecodeVoc: VOCRecord,
}
"""Transform → the dataset that does it when it reads a record."""


def decoded(dataset: TFRecordDataset, transforms: Iterable[Section]) -> Records:
    """The dataset that these transforms make of records."""
    for each in transforms:
        if kind := DECODED.get(type(each)):
            return kind(root=dataset.root)
    return dataset


# In the section, a field hides the class that it is called after.
_TFRecordDataset = TFRecordDataset
_ImageRecord = ImageRecord
_COCORecord = COCORecord
_VOCRecord = VOCRecord


class Catalogue(Section):
    """What `dataset` can name of these."""

    TFRecordDataset: Block[_TFRecordDataset] = Field(
        default=None, description="Records of TFRecord files."
    )
    ImageRecord: Block[_ImageRecord] = Field(
        default=None, description="Images of ImageNet in TFRecord files."
    )
    COCORecord: Block[_COCORecord] = Field(
        default=None, description="Images of COCO in TFRecord files."
    )
    VOCRecord: Block[_VOCRecord] = Field(
        default=None, description="Images of Pascal VOC in TFRecord files."
    )
