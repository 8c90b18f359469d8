"""Image files as arrays, by Pillow: what every dataset of images reads with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError, NarrowcastError, first_line
from ....common.optional import optional

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) in RGB, or (height, width, 1)."""

EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
)
"""What image files end in, as torchvision's ImageFolder has it, in lower case."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Pillow's formats of pixels that are read, whatever a file is called: of others, some
start another program (EPS: Ghostscript)."""

LOSSY = ("JPEG", "MPO")
"""Of those, what changes pixels, and has one channel."""

COLOURS = ("P", "L", "1")
"""Pillow's modes of images in which a pixel is one number of at most 8 bits."""

UNSCALED = ("I", "F")
"""Pillow's modes of images with numbers that it does not bring to 8 bits."""


def read_image(source: Path | bytes, where: str) -> Pixels:
    """An image in RGB; grey is repeated, transparency dropped, no EXIF turn applied.

    Args:
        source: The file, or what it holds.
        where: Its name, for messages.

    Raises:
        DataError: It can't be read.
        RequirementError: Pillow is not installed.
    """
    with _opened(source, where) as image:
        return np.array(_rgb(image, where))


def read_resized(path: Path, size: tuple[int, int], where: str) -> Pixels:
    """An image in RGB, resized by Pillow's bicubic filter to (width, height).

    Raises:
        DataError: It can't be read.
        RequirementError: Pillow is not installed.
    """
    with _opened(path, where) as image:
        bicubic = _pillow().Resampling.BICUBIC
        return np.array(_rgb(image, where).resize(size, bicubic))


def read_classes(data: bytes, where: str) -> Pixels:
    """An image (height, width, 1) whose pixels are classes: indices of its palette.

    Raises:
        DataError: It can't be read, or a pixel is more than one number of 8 bits, or
            one that JPEG changed.
        RequirementError: Pillow is not installed.
    """
    with _opened(data, where) as image:
        if image.mode not in COLOURS:
            raise DataError(
                f"{where}: the classes of pixels are an image of mode {image.mode}",
                "They must be a PNG of one channel, a pixel's value its class.",
            )
        if image.format in LOSSY:
            raise DataError(
                f"{where}: the classes of pixels are a {image.format}, which changes them",
                "They must be a PNG of one channel, a pixel's value its class.",
            )
        return np.array(image, np.uint8)[:, :, np.newaxis]


def _rgb(image: Any, where: str) -> Any:
    if image.mode in UNSCALED or image.mode.startswith("I;16"):
        raise DataError(
            f"{where} has more than 8 bits a pixel (mode {image.mode}), which Pillow "
            "would clip",
            "Save it with 8 bits a channel.",
        )
    return image if image.mode == "RGB" else image.convert("RGB")


@contextmanager
def _opened(source: Path | bytes, where: str) -> Iterator[Any]:
    if isinstance(source, bytes) and not source:
        raise DataError(f"{where} holds no image")
    try:
        file = BytesIO(source) if isinstance(source, bytes) else source
        with opened(file) as image:
            yield image
    except NarrowcastError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{where} does not exist") from error
    except Exception as error:  # each of Pillow's decoders has errors of its own
        raise DataError(
            f"{where} can't be read as an image: {first_line(error)}",
            f"Put a whole image there ({', '.join(FORMATS)}), or leave it out.",
        ) from error


def opened(file: Path | BytesIO) -> Any:
    """The file as Pillow's image, of one of `FORMATS`.

    Raises:
        Exception: It is none, in any of Pillow's ways.
        RequirementError: Pillow is not installed.
    """
    return _pillow().open(file, formats=FORMATS)


@cache
def _pillow() -> Any:
    """Pillow, silent on images of 90 million pixels: satellites make such. Twice as many
    it refuses. Threads decode: warnings can't be held back for a while."""
    module = optional("PIL.Image", "reading images", "pillow")
    warnings.simplefilter("ignore", module.DecompressionBombWarning)
    return module
