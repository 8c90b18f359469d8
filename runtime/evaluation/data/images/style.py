"""Pairs of images: a content, and the style that it is to be drawn in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ..files.folders import seen
from .decoding import read_resized

Image = npt.NDArray[np.float32]


class StylePairs:
    """Each content with each style, both in order of their names.

    A sample is ((content, style), 0): float32 (height, width, 3) in RGB, from 0 to 1,
    resized to one size with Pillow's bicubic filter. There is nothing to compare with:
    the label is 0, as in Neural Compressor.

    Args:
        content_folder: The folder of contents.
        style_folder: The folder of styles.
        resize_shape: Width and height.
        image_format: What the names of images end in.

    Raises:
        DataError: A folder holds no such image.
    """

    def __init__(
        self,
        content_folder: Path,
        style_folder: Path,
        *,
        resize_shape: tuple[int, int] = (256, 256),
        image_format: str = "jpg",
    ) -> None:
        self._contents = _images(content_folder, image_format)
        self._styles = _images(style_folder, image_format)
        self._size = resize_shape

    def __len__(self) -> int:
        return len(self._contents) * len(self._styles)

    def __getitem__(self, index: int) -> tuple[tuple[Image, Image], int]:
        content, style = divmod(index, len(self._styles))
        return (self._read(self._contents[content]), self._read(self._styles[style])), 0

    def _read(self, path: Path) -> Image:
        pixels = read_resized(path, self._size, str(path))
        return pixels.astype(np.float32) / np.float32(255)


def _images(folder: Path, image_format: str) -> tuple[Path, ...]:
    found = sorted(
        (
            path
            for path in folder.glob("*")
            if path.name.endswith(image_format) and seen(path.relative_to(folder))
        ),
        key=lambda path: path.name,
    )
    if not found:
        raise DataError(
            f"{folder} holds no image that ends in {image_format}",
            "dataset.style_transfer.image_format says how they end.",
        )
    return tuple(found)
