"""Datasets of sound: a folder of WAV files, one file a sample."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....common.errors import DataError
from ....common.optional import optional
from .folders import Labelled, labelled_files
from .lines import missing
from .riff import check_whole

OPTION = "dataset.wav.path"

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WavFolder:
    """The files of a folder, a folder within for each class.

    Attributes:
        rate: Frames a second that every file must have, None for any.
        length: Frames of a sample: longer ones are cut at the end, shorter ones end in
            silence. None takes files as they are.
        layout: Axes of a sample: `T` its frames, of one channel; `TC`, `CT`.
    """

    found: Labelled
    rate: int | None
    length: int | None
    layout: str = "T"

    @property
    def files(self) -> tuple[Path, ...]:
        return self.found.files

    def __len__(self) -> int:
        return len(self.found.files)

    def __getitem__(self, index: int) -> tuple[Sound, int | None]:
        """The sound of one file, -1 to 1, and the number of its class.

        Raises:
            DataError: It is no WAV file, has another rate, or channels that the layout
                has no axis for.
        """
        path = self.found.files[index]
        rate, frames = _read(path)
        if self.rate is not None and rate != self.rate:
            raise DataError(
                f"{path.name} has {rate} frames a second, not {self.rate}",
                "Resample it, or make dataset.wav.rate fit the files.",
            )
        if self.length is not None:
            frames = _cut(frames, self.length)
        return self._laid_out(frames, path), self.found.label(index)

    def _laid_out(self, frames: Sound, path: Path) -> Sound:
        if self.layout == "TC":
            return frames
        if self.layout == "CT":
            return np.ascontiguousarray(frames.T)
        if frames.shape[1] != 1:
            raise DataError(
                f"{path.name} has {frames.shape[1]} channels",
                "Write `layout: TC` or `layout: CT`, or mix them into one.",
            )
        return frames[:, 0]


def wav_folder(
    path: Path, *, rate: int | None = None, length: int | None = None, layout: str = "T"
) -> WavFolder:
    """The `.wav` files of a folder, in order of their paths.

    Raises:
        DataError: There are none.
    """
    return WavFolder(labelled_files(path, (".wav",), OPTION), rate, length, layout)


def _read(path: Path) -> tuple[int, Sound]:
    """Frames a second, and the frames (frames, channels)."""
    wavfile = optional("scipy.io.wavfile", "reading WAV files", "scipy")
    try:
        check_whole(path)
        with warnings.catch_warnings(action="ignore"):  # of chunks that are no sound
            rate, frames = wavfile.read(path)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise missing(path, OPTION, error) from error
    except Exception as error:  # SciPy's reader fails in many ways
        raise DataError(
            f"{path.name} can't be read: {error}", "It must be a whole WAV file."
        ) from error
    if not frames.size:
        raise DataError(f"{path.name} holds no sound")
    with np.errstate(over="ignore"):  # told below
        sound = _scaled(frames).reshape(len(frames), -1)
    if not np.isfinite(sound).all():
        raise DataError(
            f"{path.name} holds values that are no sound: NaN, infinite, or beyond "
            "float32",
            "Write it again, with values from -1 to 1.",
        )
    return int(rate), sound


def _scaled(frames: npt.NDArray[Any]) -> Sound:
    """-1 to 1: whole numbers divided by 2^15 or 2^31; bytes count, over 2^7,
    from 128. SciPy puts 24 bits into the upper ones of 32."""
    if frames.dtype == np.uint8:
        return (frames.astype(np.float32) - 128) / np.float32(128)
    if frames.dtype.kind == "i":
        bits = 8 * frames.dtype.itemsize - 1
        return (frames / np.float64(2**bits)).astype(np.float32)
    return frames.astype(np.float32)


def _cut(frames: Sound, length: int) -> Sound:
    if len(frames) >= length:
        return frames[:length]
    silence = np.zeros((length - len(frames), frames.shape[1]), np.float32)
    return np.concatenate([frames, silence])
