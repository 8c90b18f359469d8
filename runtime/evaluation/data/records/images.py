"""Images in TFRecord files, as TensorFlow's scripts for ImageNet, COCO and VOC write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ....common.errors import DataError
from ..images.annotations import Label
from ..images.decoding import Pixels
from ..images.folder import ImageFolder
from .samples import coco_sample, imagenet_sample, objects_in, voc_sample
from .tfrecord import Records, record_files


class RawRecords:
    """Records as they are: a sample is (record, None), the record an array () of bytes.

    Args:
        root: A TFRecord file, or a pattern of several, read in order of their paths.

    Raises:
        DataError: There is no such file, one is damaged, or there is no record.
    """

    pattern = "*"

    def __init__(self, root: Path) -> None:
        self._records = Records(record_files(root, self.pattern))
        self.files = self._records.files

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return np.array(
            self._records[index], object
        ), None  # "S" drops zeros at the end


class ImageRecords(RawRecords):
    """Images of ImageNet, with their classes.

    A sample is `imagenet_sample`'s, in order of the files' paths and within them.

    Args:
        root: The folder of files called `*-*-of-*`; or a file, or a pattern.

    Raises:
        DataError: There is no such file, one is damaged, or there is no record.
    """

    pattern = "*-*-of-*"

    def __getitem__(self, index: int) -> tuple[Pixels, int]:
        return imagenet_sample(self._records[index], self._records.where(index))


class _ValidationRecords(ImageRecords):
    """Those that are to be evaluated, beside others."""

    pattern = "validation-*-of-*"


class VocRecords(RawRecords):
    """Images of Pascal VOC, with the class of each pixel.

    A sample is `voc_sample`'s, in order of the files' paths and within them.

    Args:
        root: The folder of files called `val-*`; or a file, or a pattern.

    Raises:
        DataError: There is no such file, one is damaged, or there is no record.
    """

    pattern = "val-*"

    def __getitem__(self, index: int) -> tuple[Pixels, Pixels]:
        return voc_sample(self._records[index], self._records.where(index))


class CocoRecords(RawRecords):
    """Images of COCO, with their objects.

    A sample is `coco_sample`'s, in order of the files' paths and within them.

    Args:
        root: A file, or a pattern of several.

    Raises:
        DataError: There is no such file, one is damaged, or there is no record.
    """

    def __getitem__(self, index: int) -> tuple[Pixels, Label]:
        return coco_sample(self._records[index], self._records.where(index))

    def objects(self, index: int) -> int:
        """How many objects an image has, which is not decoded for that."""
        return objects_in(self._records[index], self._records.where(index))


def imagenet(root: Path) -> ImageFolder | RawRecords:
    """ImageNet as Neural Compressor's old name `Imagenet` has it, for any framework.

    Args:
        root: The folder of a folder `val` with a folder for each class, or of TFRecord
            files called `validation-*-of-*`.

    Raises:
        DataError: It is neither.
    """
    if (root / "val").is_dir():
        return ImageFolder(root / "val")
    if not any(root.glob(_ValidationRecords.pattern)):
        raise DataError(
            f"{root} holds neither a folder val nor files validation-*-of-*",
            "Nothing is downloaded: https://image-net.org has the images.",
        )
    return _ValidationRecords(root)
