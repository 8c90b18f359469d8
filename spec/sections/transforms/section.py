"""The transforms, in the order written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from ...reading.diagnostics import Steps
from ...reading.source import Data
from ..fields import Identifier, PythonName
from ..marks import AGAIN, empty
from ..section import Block, Problem, Section, Table
from . import conversions, drawn, elementwise, geometry, imagenet
from .own import Own
from .transform import Transform

ITEM = {"type": "object", "description": "A transform, as in `transform` itself."}


def _items(value: object) -> TransformSection:
    """One of the mappings in `Compose`."""
    return TransformSection.model_validate(value)


class Compose(Section):
    """Several transforms, of which some may be the same."""

    transform_list: Annotated[
        tuple[Annotated[Any, AfterValidator(_items), WithJsonSchema(ITEM), AGAIN], ...],
        BeforeValidator(lambda value: () if value is None else value),
    ] = Field(default=(), description="Mappings like `transform` itself, in order.")


_Compose = Compose


class TransformSection(Section):
    """An ordered mapping of transforms."""

    beside = frozenset({"args"})

    AlignImageChannel: Block[conversions.AlignImageChannel] = Field(
        default=None, description="Give images a number of channels."
    )
    BilinearImagenet: Block[imagenet.BilinearImagenet] = Field(
        default=None, description="Crop and resize as ImageNet's evaluation does."
    )
    Cast: Block[elementwise.Cast] = Field(
        default=None, description="Change the element type."
    )
    CenterCrop: Block[geometry.CenterCrop] = Field(
        default=None, description="Crop around the center."
    )
    ColorJitter: Block[drawn.ColorJitter] = Field(
        default=None, description="Change brightness and colors at random."
    )
    Compose: Block[_Compose] = Field(
        default=None, description="Several transforms, of which some may be the same."
    )
    CropResize: Block[geometry.CropResize] = Field(
        default=None, description="Crop a box and resize it."
    )
    CropToBoundingBox: Block[geometry.CropToBoundingBox] = Field(
        default=None, description="Crop a box."
    )
    DecodeImage: Block[conversions.DecodeImage] = Field(
        default=None, description="Decode an image."
    )
    EncodeJpeg: Block[conversions.EncodeJpeg] = Field(
        default=None, description="Encode as JPEG."
    )
    KerasRescale: Block[elementwise.KerasRescale] = Field(
        default=None, description="Scale to the range of a Keras model."
    )
    Normalize: Block[elementwise.Normalize] = Field(
        default=None,
        description="Subtract the mean and divide by the standard deviation.",
    )
    Pad: Block[geometry.Pad] = Field(default=None, description="Pad the borders.")
    PaddedCenterCrop: Block[geometry.PaddedCenterCrop] = Field(
        default=None, description="Crop around the center, a share of the image."
    )
    ParseDecodeCoco: Block[conversions.ParseDecodeCoco] = Field(
        default=None, description="Decode records of COCO, which COCORecord does."
    )
    ParseDecodeImagenet: Block[conversions.ParseDecodeImagenet] = Field(
        default=None, description="Decode records of ImageNet, which ImageRecord does."
    )
    ParseDecodeVoc: Block[conversions.ParseDecodeVoc] = Field(
        default=None, description="Decode records of Pascal VOC, which VOCRecord does."
    )
    QuantizedInput: Block[elementwise.QuantizedInput] = Field(
        default=None, description="Quantize the input."
    )
    RandomCrop: Block[drawn.RandomCrop] = Field(
        default=None, description="Crop at random."
    )
    RandomHorizontalFlip: Block[drawn.RandomHorizontalFlip] = Field(
        default=None, description="Mirror left and right at random."
    )
    RandomResizedCrop: Block[drawn.RandomResizedCrop] = Field(
        default=None, description="Crop at random and resize."
    )
    RandomVerticalFlip: Block[drawn.RandomVerticalFlip] = Field(
        default=None, description="Mirror top and bottom at random."
    )
    Rescale: Block[elementwise.Rescale] = Field(
        default=None, description="Divide by 255."
    )
    Resize: Block[geometry.Resize] = Field(default=None, description="Resize images.")
    ResizeCropImagenet: Block[imagenet.ResizeCropImagenet] = Field(
        default=None, description="Resize and crop as ImageNet's evaluation does."
    )
    ResizeWithAspectRatio: Block[imagenet.ResizeWithAspectRatio] = Field(
        default=None, description="Resize, the aspect kept, for a crop to follow."
    )
    ResizeWithRatio: Block[geometry.ResizeWithRatio] = Field(
        default=None, description="Enlarge, the aspect kept, and pad if asked."
    )
    ToArray: Block[conversions.ToArray] = Field(
        default=None, description="Make an array."
    )
    ToNDArray: Block[conversions.ToNDArray] = Field(
        default=None, description="Make an array, for your own step a tensor."
    )
    ToPILImage: Block[conversions.ToPILImage] = Field(
        default=None, description="Make an image of Pillow, for your own step."
    )
    ToTensor: Block[conversions.ToTensor] = Field(
        default=None, description="Make C x H x W of numbers from 0 to 1."
    )
    Transpose: Block[elementwise.Transpose] = Field(
        default=None, description="Reorder a sample's axes."
    )
    python: PythonName | None = Field(
        default=None,
        description="Your own transform, or one of torchvision, Keras or Gluon, as "
        "`package.module:object`; called with a sample's image.",
    )
    args: Table[Identifier, Any] = Field(
        default={}, description="Keyword arguments of what `python` names."
    )
    _order: tuple[str, ...] = PrivateAttr(())

    @property
    def steps(self) -> tuple[Transform, ...]:
        """The transforms that do something, in the order written."""
        return tuple(step for _at, step in self.placed if step.acts)

    @property
    def prepares(self) -> bool:
        """Whether a transform is written, right or wrong."""
        return any(key != "args" for key in self.written)

    @property
    def named(self) -> tuple[tuple[str, Any], ...]:
        """All that are named, with their parameters, in the order written."""
        return tuple((name, getattr(self, name)) for name in self._order)

    @property
    def placed(self) -> tuple[tuple[Steps, Transform], ...]:
        """All transforms, with their paths from here, those in `Compose` in its place."""
        return tuple(self._placed())

    def _placed(self) -> Iterator[tuple[Steps, Transform]]:
        for name, given in self.named:
            if isinstance(given, _Compose):
                for row, each in enumerate(given.transform_list):
                    for at, step in each.placed:
                        yield (name, "transform_list", row, *at), step
            elif name == "python":
                yield (name,), Own(python=given, args=self.args)
            elif isinstance(given, Transform):
                yield (name,), given

    def problems(self) -> Iterator[Problem]:
        if self.args and not self.says("python"):
            message = "only your own transform, named by python, takes args"
            yield Problem(message, at=("args",))

    @model_validator(mode="wrap")
    @classmethod
    def _ordered(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        made = handler(empty(value))
        # Pydantic keeps fields in the order they are declared in.
        if isinstance(value, dict):
            made.remember(value)
        return made

    def remember(self, data: Mapping[str, Data]) -> None:
        names = type(self).model_fields
        self._order = tuple(key for key in data if key in names and key != "args")
