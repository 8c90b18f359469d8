"""Datasets of images."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.images import (
    CIFAR10,
    CIFAR100,
    MNIST,
    Archived,
    COCONpy,
    COCORaw,
    FashionMNIST,
    ImageFolder,
    Imagenet,
    ImagenetRaw,
    StyleTransfer,
)

from ...writing.code import Code, literal
from ...writing.layout import Group, values
from .reading import DATA, Reading, Readings

IMAGES = f"{DATA}.images"


def _folder(_dataset: ImageFolder) -> Reading:
    return Reading(
        "Images, a folder for each class, in order of their paths.",
        (f"{IMAGES}.folder", "ImageFolder"),
    )


def _imagenet(_dataset: Imagenet) -> Reading:
    return Reading(
        "Images of ImageNet, in order of their paths.",
        (f"{DATA}.records.images", "imagenet"),
    )


def _listed(_dataset: ImagenetRaw) -> Reading:
    return Reading(
        "Images that a list names with their classes, in its order.",
        (f"{IMAGES}.folder", "ListedImages"),
    )


def _coco(dataset: COCORaw) -> Reading:
    return Reading(
        "Images of COCO and their objects, in order of the annotations.",
        (f"{IMAGES}.coco", "CocoImages"),
        {"img_dir": literal(dataset.img_dir), "anno_dir": literal(dataset.anno_dir)},
    )


def _coco_arrays(dataset: COCONpy) -> Reading:
    return Reading(
        "Prepared images of COCO and their objects, in order of the annotations.",
        (f"{IMAGES}.coco", "CocoArrays"),
        {"npy_dir": literal(dataset.npy_dir), "anno_dir": literal(dataset.anno_dir)},
    )


def _style(dataset: StyleTransfer) -> Reading:
    return Reading(
        "Each content with each style, in order of their names.",
        (f"{IMAGES}.style", "StylePairs"),
        {
            "resize_shape": values(dataset.resize_shape),
            "image_format": literal(dataset.image_format),
        },
    )


def _mnist(dataset: MNIST) -> Reading:
    return _archived("digits", "mnist", "read_mnist", dataset)


def _fashion(dataset: FashionMNIST) -> Reading:
    return _archived("clothes", "mnist", "read_fashion_mnist", dataset)


def _cifar10(dataset: CIFAR10) -> Reading:
    return _archived("images", "cifar", "read_cifar10", dataset)


def _cifar100(dataset: CIFAR100) -> Reading:
    return _archived("images", "cifar", "read_cifar100", dataset)


def _archived(what: str, module: str, reader: str, dataset: Archived) -> Reading:
    """Without the default, which people expect."""
    arguments: dict[str, Code | Group] = {}
    if dataset.train:
        arguments["train"] = literal(True)
    part = "learn from" if dataset.train else "test with"
    title = f"All {what} to {part}, read once."
    return Reading(title, (f"{IMAGES}.{module}", reader), arguments)


READINGS: Readings = {
    ImageFolder: _folder,
    Imagenet: _imagenet,
    ImagenetRaw: _listed,
    COCORaw: _coco,
    COCONpy: _coco_arrays,
    StyleTransfer: _style,
    MNIST: _mnist,
    FashionMNIST: _fashion,
    CIFAR10: _cifar10,
    CIFAR100: _cifar100,
}

NAMES = """
CocoArrays CocoImages ImageFolder ListedImages StylePairs imagenet read_cifar10
read_cifar100 read_fashion_mnist read_mnist
"""
"""What a script imports for these."""
