"""Transforms between forms."""

from __future__ import annotations

from narrowcast.spec.sections.transforms.conversions import (
    AlignImageChannel,
    DecodeImage,
    EncodeJpeg,
    ToArray,
    ToNDArray,
    ToPILImage,
    ToTensor,
)

from .calling import called, written
from .step import Place, Step, Steps


def _align(transform: AlignImageChannel, at: Place) -> Step:
    keys = written(transform, "dim")
    return called(at, "channels", "align_channels", **keys)


def _array(_transform: ToArray | ToNDArray, at: Place) -> Step:
    """A batch is one already."""
    return Step(()) if at.batched else called(at, "images", "to_array")


def _tensor(_transform: ToTensor, at: Place) -> Step:
    return called(at, "channels", "to_tensor")


def _pil_image(_transform: ToPILImage, at: Place) -> Step:
    return called(at, "images", "to_pil_image")


def _decode(transform: DecodeImage, at: Place) -> Step:
    keys = written(transform, "", "channels")
    return called(at, "coding", "decode_image", **keys)


def _encode(transform: EncodeJpeg, at: Place) -> Step:
    options = "quality progressive optimize_size chroma_downsampling"
    return called(at, "coding", "encode_jpeg", **written(transform, "", options))


STEPS: Steps = {
    AlignImageChannel: _align,
    ToArray: _array,
    ToNDArray: _array,
    ToTensor: _tensor,
    ToPILImage: _pil_image,
    DecodeImage: _decode,
    EncodeJpeg: _encode,
}

NAMES = "align_channels decode_image encode_jpeg to_pil_image to_tensor"
"""What a script imports for these."""
