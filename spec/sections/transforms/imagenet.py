"""How ImageNet's images are prepared for TensorFlow's models: tf.image.resize."""

from typing import Annotated

from pydantic import Field

from ..fields import Among, Amount, Amounts, Flag
from ..marks import unused
from ..section import Block, Section
from .sizes import Share, Side
from .transform import Pictorial, Transform

METHODS = (
    "bilinear",
    "nearest",
    "bicubic",
    "area",
    "lanczos3",
    "lanczos5",
    "gaussian",
    "mitchellcubic",
)
"""Of tf.image.resize."""


class BilinearImagenet(Pictorial):
    """Crops the middle, resizes it, and scales it from -1 to 1."""

    height: Side = Field(description="Of the result.")
    width: Side = Field(description="Of the result.")
    central_fraction: Share = Field(
        default=0.875, description="How much of height and width is kept."
    )
    mean_value: Amounts = Field(
        default=(0.0, 0.0, 0.0), description="What is subtracted then."
    )
    scale: Amount = Field(default=1.0, description="What it is multiplied by then.")


class ResizeCropImagenet(Pictorial):
    """Resizes to a shorter side, crops, subtracts means and scales."""

    height: Side = Field(description="Of the result.")
    width: Side = Field(description="Of the result.")
    random_crop: Flag = Field(
        default=False, description="Whether a random part is cropped, not the middle."
    )
    resize_side: Side = Field(default=256, description="The shorter side before.")
    resize_method: Annotated[str, Among(METHODS)] = Field(
        default="bilinear", description="Of tf.image.resize."
    )
    random_flip_left_right: Flag = Field(
        default=False, description="Whether one image in two is mirrored."
    )
    mean_value: Amounts = Field(
        default=(0.0, 0.0, 0.0), description="What is subtracted from the channels."
    )
    scale: Amount = Field(default=1.0, description="What is multiplied by then.")
    subpixels: Annotated[str, Among(("RGB", "BGR"))] = Field(
        default="RGB", description="The order of the channels in the result."
    )
    data_format: Annotated[str, Among(("channels_last", "channels_first"))] = unused(
        "channels_last",
        "Where the channels are.",
        "has no effect here: where the channels are is followed from the data on",
    )
    slice_crop: Flag = unused(False, "How the crop is made.")

    def other(self, framework: str, before: Transform | None) -> tuple[str, str] | None:
        if framework != "onnx":
            return None
        return (
            "is TensorFlow's, in all frameworks; Neural Compressor's for onnx divides by "
            "255 and by the standard deviations, and moves the channels first",
            "ResizeCropImagenet without mean_value, then Rescale, Normalize, Transpose",
        )

    @property
    def draws(self) -> bool:
        return self.random_crop or self.random_flip_left_right


class ResizeWithAspectRatio(Pictorial):
    """Resizes so that height x width is `scale` percent of the result."""

    height: Side = Field(description="Of a crop that is to follow.")
    width: Side = Field(description="Of a crop that is to follow.")
    scale: Annotated[Amount, Field(gt=0)] = Field(
        default=87.5, description="Percent of the sides that the crop will have."
    )


# In the section, a field hides the class that it is called after.
_BilinearImagenet = BilinearImagenet
_ResizeCropImagenet = ResizeCropImagenet
_ResizeWithAspectRatio = ResizeWithAspectRatio


class Catalogue(Section):
    """What `transform` can name of these."""

    BilinearImagenet: Block[_BilinearImagenet] = Field(
        default=None, description="Crop and resize as ImageNet's evaluation does."
    )
    ResizeCropImagenet: Block[_ResizeCropImagenet] = Field(
        default=None, description="Resize and crop as ImageNet's evaluation does."
    )
    ResizeWithAspectRatio: Block[_ResizeWithAspectRatio] = Field(
        default=None, description="Resize, the aspect kept, for a crop to follow."
    )
