"""Neural Compressor's datasets."""

from __future__ import annotations

from ..marks import Parameters, unbuilt
from ..section import Section
from .names import ALL, TF


class DatasetNames(Section):
    """The datasets that are not built yet; any parameters."""

    CIFAR10: Parameters = unbuilt("Images of CIFAR-10's files.", ALL)
    CIFAR100: Parameters = unbuilt("Images of CIFAR-100's files.", ALL)
    MNIST: Parameters = unbuilt("Digits of MNIST's files.", ALL)
    FashionMNIST: Parameters = unbuilt("Images of Fashion-MNIST's files.", ALL)
    ImageFolder: Parameters = unbuilt("Images, a folder for each class.", ALL)
    TFRecordDataset: Parameters = unbuilt("Records of TFRecord files.", TF)
    ImageRecord: Parameters = unbuilt("Images of ImageNet in TFRecord files.", TF)
    ImagenetRaw: Parameters = unbuilt(
        "Images of ImageNet, a list names their classes.", ALL
    )
    Imagenet: Parameters = unbuilt("ImagenetRaw by its old name.", ALL)
    VOCRecord: Parameters = unbuilt("Images of Pascal VOC in TFRecord files.", TF)
    COCORecord: Parameters = unbuilt("Images of COCO in TFRecord files.", TF)
    COCORaw: Parameters = unbuilt("Images of COCO and their annotations.", ALL)
    COCONpy: Parameters = unbuilt("Images of COCO as arrays.", ALL)
    style_transfer: Parameters = unbuilt("Pairs of content and style images.", TF)
