"""Datasets of images in files of their own, or in archives of a whole dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ...reading.values import INT, STR, Read, a_list
from ..fields import File, Flag, Refused, Size, Text, split, whole
from ..marks import unused
from ..section import Block, Problem, Section
from .dataset import BuiltInDataset

PILLOW = ("pillow~=13.0",)
NO_DOWNLOAD = "has no effect here: nothing is downloaded, the files must be there"


def _cores() -> Any:
    return unused(28, "Files that are read at once.")


class Images(BuiltInDataset):
    """Images that Pillow decodes."""

    packages = PILLOW
    images = True


class Rooted(Images):
    """Images in one folder."""

    root: File = Field(description="The folder.")

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.root}


class ImageFolder(Rooted):
    """Images in a folder for each class; classes are numbered in order of their names."""


class Imagenet(Rooted):
    """ImageNet by a name that Neural Compressor gave up: a folder `val` with a folder for
    each class, or TFRecord files called `validation-*-of-*`."""


class ImagenetRaw(Images):
    """Images that a list names, each with its class."""

    data_path: File = Field(description="The folder of the images.")
    image_list: File | None = Field(
        default=None,
        description="A text file: in each line an image's path in the folder, and the "
        "number of its class; left out, `val.txt` in the folder.",
    )

    @property
    def files(self) -> Mapping[str, str]:
        listed = {"IMAGE_LIST": self.image_list} if self.image_list else {}
        return {"DATA": self.data_path, **listed}


class Archived(BuiltInDataset):
    """Images of one size, all read at once, in two parts: to learn from and to test."""

    stacks = True
    images = True
    root: File = Field(description="The folder of the dataset's files.")
    train: Flag = Field(
        default=False,
        description="Whether the samples to learn from are read, not those to test with.",
    )
    download: Any = unused(False, "Whether to fetch the files.", NO_DOWNLOAD)

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.root}


class MNIST(Archived):
    """Digits: `mnist.npz`, or the IDX files `t10k-images-idx3-ubyte.gz` and so on."""


class FashionMNIST(Archived):
    """Clothes: the IDX files `t10k-images-idx3-ubyte.gz` and so on."""


class CIFAR10(Archived):
    """Images in colour of ten classes: `cifar-10-python.tar.gz`, unpacked."""


class CIFAR100(Archived):
    """Images in colour of a hundred classes: `cifar-100-python.tar.gz`, unpacked."""


class COCORaw(Rooted):
    """Images of COCO with their objects; those without objects are left out."""

    img_dir: Text = Field(default="val2017", description="The folder of images in it.")
    anno_dir: Text = Field(
        default="annotations/instances_val2017.json",
        description="The file of annotations in it.",
    )
    num_cores: Any = _cores()


class COCONpy(BuiltInDataset):
    """Prepared images of COCO, each an array in `IMAGE.npy`, with their objects."""

    root: File = Field(description="The folder.")
    npy_dir: Text = Field(default="val2017", description="The folder of arrays in it.")
    anno_dir: Text = Field(
        default="annotations/instances_val2017.json",
        description="The file of annotations in it.",
    )
    num_cores: Any = _cores()

    @property
    def files(self) -> Mapping[str, str]:
        return {"DATA": self.root}


def _two(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) != 2:
        raise Refused("a size has two numbers", "write [width, height]")
    return shape


def _sizes(value: object) -> object:
    """`256, 256` → numbers."""
    parts = split(value)
    return tuple(map(whole, parts)) if isinstance(parts, tuple | list) else parts


class StyleTransfer(Images):
    """Each content with each style, as float32 from 0 to 1; the label is 0."""

    content_folder: File = Field(description="The folder of contents.")
    style_folder: File = Field(description="The folder of styles.")
    crop_ratio: Any = unused(
        0.1,
        "What would be cut off at each side.",
        "has no effect here, nor has it in Neural Compressor",
    )
    resize_shape: Annotated[
        tuple[Size, ...],
        Read(_sizes, (STR, a_list(INT))),
        AfterValidator(_two),
    ] = Field(default=(256, 256), description="Width and height of both.")
    image_format: Text = Field(
        default="jpg", description="What the names of images end in."
    )

    @property
    def files(self) -> Mapping[str, str]:
        return {"CONTENT": self.content_folder, "STYLE": self.style_folder}

    @property
    def arrays(self) -> int:
        return 2

    def input_problems(self, named: int) -> Iterator[Problem]:
        if named not in (0, self.arrays):
            yield Problem(
                f"style_transfer feeds two inputs, {named} are in model.inputs",
                "name the input for the content, then the one for the style",
            )


# In the section, a field hides the class that it is called after.
_CIFAR10 = CIFAR10
_CIFAR100 = CIFAR100
_MNIST = MNIST
_FashionMNIST = FashionMNIST
_ImageFolder = ImageFolder
_ImagenetRaw = ImagenetRaw
_Imagenet = Imagenet
_COCORaw = COCORaw
_COCONpy = COCONpy


class Catalogue(Section):
    """What `dataset` can name of these."""

    CIFAR10: Block[_CIFAR10] = Field(
        default=None, description="Images of CIFAR-10's files."
    )
    CIFAR100: Block[_CIFAR100] = Field(
        default=None, description="Images of CIFAR-100's files."
    )
    MNIST: Block[_MNIST] = Field(default=None, description="Digits of MNIST's files.")
    FashionMNIST: Block[_FashionMNIST] = Field(
        default=None, description="Images of Fashion-MNIST's files."
    )
    ImageFolder: Block[_ImageFolder] = Field(
        default=None, description="Images, a folder for each class."
    )
    ImagenetRaw: Block[_ImagenetRaw] = Field(
        default=None, description="Images, a list names their classes."
    )
    Imagenet: Block[_Imagenet] = Field(
        default=None, description="Images of ImageNet, in folders or in TFRecord files."
    )
    COCORaw: Block[_COCORaw] = Field(
        default=None, description="Images of COCO and their annotations."
    )
    COCONpy: Block[_COCONpy] = Field(
        default=None, description="Images of COCO as arrays."
    )
    style_transfer: Block[StyleTransfer] = Field(
        default=None, description="Pairs of content and style images."
    )
