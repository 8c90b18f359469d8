"""`dataloader`: the samples, what is done to them, and how they are batched."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, PrivateAttr, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from . import dataset, transform
from .fields import Among, Size
from .section import Block, Choice, Section


class DatasetSection(Choice):
    """The dataset, chosen by its key."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "CIFAR10",
            "CIFAR100",
            "COCONpy",
            "COCORaw",
            "COCORecord",
            "FashionMNIST",
            "GLUE",
            "ImageFolder",
            "ImageRecord",
            "Imagenet",
            "ImagenetRaw",
            "MNIST",
            "TFRecordDataset",
            "VOCRecord",
            "bert",
            "dummy",
            "dummy_v2",
            "mzbert",
            "sparse_dummy_v2",
            "style_transfer",
        }
    )

    npz: Block[dataset.Npz] = Field(
        default=None, description="Arrays of a NumPy archive."
    )
    csv: Block[dataset.Csv] = Field(
        default=None, description="Numbers in text, one sample a row."
    )


class TransformSection(Section):
    """An ordered mapping of transforms."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            "AlignImageChannel",
            "BilinearImagenet",
            "CenterCrop",
            "ColorJitter",
            "CropResize",
            "CropToBoundingBox",
            "DecodeImage",
            "EncodeJpeg",
            "KerasRescale",
            "Pad",
            "PaddedCenterCrop",
            "ParseDecodeCoco",
            "ParseDecodeImagenet",
            "ParseDecodeVoc",
            "QuantizedInput",
            "RandomCrop",
            "RandomHorizontalFlip",
            "RandomResizedCrop",
            "RandomVerticalFlip",
            "Resize",
            "ResizeCropImagenet",
            "ResizeWithAspectRatio",
            "ResizeWithRatio",
            "ToArray",
            "ToNDArray",
            "ToPILImage",
            "ToTensor",
        }
    )

    Rescale: Block[transform.Rescale] = Field(
        default=None, description="Divide by 255."
    )
    Normalize: Block[transform.Normalize] = Field(
        default=None,
        description="Subtract the mean and divide by the standard deviation.",
    )
    Cast: Block[transform.Cast] = Field(
        default=None, description="Change the element type."
    )
    Transpose: Block[transform.Transpose] = Field(
        default=None, description="Reorder a sample's axes."
    )
    _order: tuple[str, ...] = PrivateAttr(())

    @property
    def steps(self) -> tuple[transform.Transform, ...]:
        """The transforms in the order written."""
        return tuple(getattr(self, name) for name in self._order)

    @model_validator(mode="wrap")
    @classmethod
    def _ordered(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(value)
        # Pydantic keeps fields in the order they are declared in.
        if isinstance(value, dict):
            made._order = tuple(value)
        return made


class DataloaderSection(Section):
    """How samples are read and made into batches."""

    later: ClassVar[frozenset[str]] = frozenset({"shuffle", "distributed", "filter"})

    batch_size: Size = Field(default=64, description="Samples in a batch.")
    last_batch: Annotated[str, Among(("rollover", "discard"))] = Field(
        default="rollover",
        description="Whether a last, smaller batch is kept or discarded.",
    )
    dataset: DatasetSection = Field(description="Where the samples come from.")
    transform: TransformSection = Field(
        default_factory=TransformSection,
        description="What is done to each sample, in order.",
    )
