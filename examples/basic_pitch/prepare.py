"""Copy the trained models, and synthesise two octaves of notes as WAV files.

pip install --no-deps -r examples/basic_pitch/packages.txt
python examples/basic_pitch/prepare.py [FOLDER]
"""

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from scipy.io import wavfile

SHIPPED = "basic_pitch/saved_models/icassp_2022"
RATE, FRAMES = 22050, 43844
LOWEST, NOTES = 48, 24


def main(folder: Path) -> None:
    """Write `nmp`, `nmp.onnx` and `notes/NUMBER/note.wav`, unless they are there."""
    if (folder / "nmp.onnx").exists():
        return
    shipped = Path(str(distribution("basic-pitch").locate_file(SHIPPED)))
    shutil.copytree(shipped / "nmp", folder / "nmp", dirs_exist_ok=True)
    for number in range(LOWEST, LOWEST + NOTES):
        path = folder / "notes" / str(number) / "note.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, RATE, np.int16(note(number) * 32767))
    shutil.copyfile(shipped / "nmp.onnx", folder / "nmp.onnx")


def note(number: int) -> np.ndarray:
    """A string that is plucked: eight harmonics of MIDI's note, which die away."""
    seconds = np.arange(FRAMES) / RATE
    frequency = 440 * 2 ** ((number - 69) / 12)
    harmonics = np.arange(1, 9)[:, None]
    waves = np.sin(2 * np.pi * frequency * harmonics * seconds) / harmonics**1.5
    return 0.3 * waves.sum(axis=0) * np.exp(-1.5 * seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "data")
