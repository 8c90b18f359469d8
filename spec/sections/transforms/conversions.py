"""Transforms between forms: channels, tensors, Pillow's images, files' bytes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ...reading.codes import Code
from ...releases.libraries import PILLOW
from ..fields import QUOTED, Flag, Refused, Whole
from ..marks import unused
from ..section import Block, Section
from .transform import FIRST, LAST, Pictorial, Transform

HINT = "has no effect here: Pillow decodes with libjpeg's accurate transform"


def _of_an_image(channels: int) -> int:
    if channels not in (1, 3, 4):
        raise Refused(
            f"an image never has {channels} channels",
            "write 1, 3 or 4",
            code=Code.RANGE,
        )
    return channels


class AlignImageChannel(Pictorial):
    """Gives images a number of channels."""

    keeps_channels = False
    dim: Annotated[int, AfterValidator(_of_an_image), QUOTED] = Field(
        default=3, description="How many."
    )


class ToArray(Transform):
    """Makes an array of what a step before returned."""

    elementwise = True


class ToNDArray(ToArray):
    """Makes an array; a step of one's own after it is given the framework's tensor."""


class ToTensor(Pictorial):
    """Makes C x H x W in float32 of H x W x C, bytes as numbers from 0 to 1.

    A step of one's own after it is given the framework's tensor.
    """

    def moved(self, axis: int) -> int | None:
        return FIRST if axis == LAST else None


class ToPILImage(Pictorial):
    """Makes an image of Pillow, for a step of one's own after it."""

    packages = (PILLOW,)
    says_last = True

    def moved(self, axis: int) -> int | None:
        return LAST


class DecodeImage(Transform):
    """Decodes an image; what the dataset has decoded stays as it is."""

    packages = (PILLOW,)
    keeps_channels = False
    channels: Whole = Field(
        default=0, description="1 for grey, 3 for RGB, 0 for what the file has."
    )
    ratio: Any = unused(1, "How much smaller it is decoded.", HINT)
    fancy_upscaling: Any = unused(True, "How colors are made larger.", HINT)
    try_recover_truncated: Any = unused(False, "Whether damage is passed over.")
    acceptable_fraction: Any = unused(1.0, "How much of a file must be there.")
    dct_method: Any = unused("", "How exact decoding is.", HINT)


class EncodeJpeg(Pictorial):
    """Encodes as JPEG, for a model that takes a file's bytes."""

    packages = (PILLOW,)
    keeps_channels = False
    quality: Annotated[int, Field(ge=1, le=100), QUOTED] = Field(
        default=95, description="From 1 to 100."
    )
    progressive: Flag = Field(default=False, description="Whether it is progressive.")
    optimize_size: Flag = Field(default=False, description="Whether it is smaller.")
    chroma_downsampling: Flag = Field(
        default=True, description="Whether colors have half the resolution."
    )
    format: Any = unused("", "Grey or RGB.")
    density_unit: Any = unused("in", "The unit of the densities.")
    x_density: Any = unused(300, "Pixels per unit.")
    y_density: Any = unused(300, "Pixels per unit.")
    xmp_metadata: Any = unused("", "Metadata.")

    def moved(self, axis: int) -> int | None:
        return LAST


class Parsed(Transform):
    """What the datasets of records do when they read one."""

    elementwise = True
    reads = True

    @property
    def acts(self) -> bool:
        return False


class ParseDecodeImagenet(Parsed):
    """Decodes records of ImageNet, as ImageRecord does by itself."""


class ParseDecodeCoco(Parsed):
    """Decodes records of COCO, as COCORecord does by itself."""


class ParseDecodeVoc(Parsed):
    """Decodes records of Pascal VOC, as VOCRecord does by itself."""


# In the section, a field hides the class that it is called after.
_AlignImageChannel = AlignImageChannel
_DecodeImage = DecodeImage
_EncodeJpeg = EncodeJpeg
_ParseDecodeCoco = ParseDecodeCoco
_ParseDecodeImagenet = ParseDecodeImagenet
_ParseDecodeVoc = ParseDecodeVoc
_ToArray = ToArray
_ToNDArray = ToNDArray
_ToPILImage = ToPILImage
_ToTensor = ToTensor


class Catalogue(Section):
    """What `transform` can name of these."""

    AlignImageChannel: Block[_AlignImageChannel] = Field(
        default=None, description="Give images a number of channels."
    )
    DecodeImage: Block[_DecodeImage] = Field(
        default=None, description="Decode an image."
    )
    EncodeJpeg: Block[_EncodeJpeg] = Field(default=None, description="Encode as JPEG.")
    ParseDecodeCoco: Block[_ParseDecodeCoco] = Field(
        default=None, description="Decode records of COCO, which COCORecord does."
    )
    ParseDecodeImagenet: Block[_ParseDecodeImagenet] = Field(
        default=None, description="Decode records of ImageNet, which ImageRecord does."
    )
    ParseDecodeVoc: Block[_ParseDecodeVoc] = Field(
        default=None, description="Decode records of Pascal VOC, which VOCRecord does."
    )
    ToArray: Block[_ToArray] = Field(default=None, description="Make an array.")
    ToNDArray: Block[_ToNDArray] = Field(
        default=None, description="Make an array, for your own step a tensor."
    )
    ToPILImage: Block[_ToPILImage] = Field(
        default=None, description="Make an image of Pillow, for your own step."
    )
    ToTensor: Block[_ToTensor] = Field(
        default=None, description="Make C x H x W of numbers from 0 to 1."
    )
