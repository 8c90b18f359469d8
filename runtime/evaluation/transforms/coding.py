"""Images as files' bytes, and back."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from ...common.errors import RequirementError
from ..data.images.decoding import opened
from ..identity import array_of
from .images import Image, pillow, pixels, unfit

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def decode_image(image: Any, *, channels: int = 0) -> Image:
    """The image in a file's bytes; what is decoded already stays as it is.

    Args:
        channels: 1 for grey, 3 for RGB, 4 for RGBA, 0 for what the file has.

    Raises:
        DataError: The bytes are no image.
    """
    found = array_of(image)
    if found is not None and found.dtype.kind not in "SO":
        return pixels(image, "DecodeImage")
    data = image if isinstance(image, bytes) else bytes(np.asarray(image).item())
    try:
        with opened(BytesIO(data)) as file:
            mode = MODES.get(channels) or _mode(file.mode)
            decoded = np.asarray(file.convert(mode))
    except RequirementError:
        raise
    except Exception as error:  # each of Pillow's decoders has errors of its own
        remedy = "Check the file that it comes from."
        raise unfit("DecodeImage", f"it is no image: {error}", remedy) from error
    return decoded[..., np.newaxis] if decoded.ndim == 2 else decoded


def _mode(mode: str) -> str:
    """Pillow's mode of what a file's becomes: grey, with an alpha, or RGB."""
    if mode in ("1", "L", "I;16", "I", "F"):
        return "L"
    return "RGBA" if mode in ("RGBA", "LA", "PA") else "RGB"


def encode_jpeg(
    image: Any,
    *,
    quality: int = 95,
    progressive: bool = False,
    optimize_size: bool = False,
    chroma_downsampling: bool = True,
) -> bytes:
    """The image as a JPEG file's bytes, for a model that takes those.

    Raises:
        DataError: The image is not uint8, or neither grey nor RGB.
    """
    given = pixels(image, "EncodeJpeg")
    if given.dtype != np.uint8 or given.shape[-1] not in (1, 3):
        told = f"the image has {given.shape[-1]} channels of {given.dtype}"
        remedy = "JPEG holds grey or RGB in uint8: write it before what changes that."
        raise unfit("EncodeJpeg", told, remedy)
    made = pillow().fromarray(given[..., 0] if given.shape[-1] == 1 else given)
    file = BytesIO()
    made.save(
        file,
        "JPEG",
        quality=quality,
        progressive=progressive,
        optimize=optimize_size,
        subsampling="4:2:0" if chroma_downsampling else "4:4:4",
    )
    return file.getvalue()
