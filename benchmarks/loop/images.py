"""How many cores decode images: `python benchmarks/loop/images.py` on a machine at rest.

Photographs' size, 500 × 375, in JPEG, from ImageFolder and from ImageRecord, by
themselves and resized. What is printed is CPU seconds over seconds, the most of a few
passes: near the number of cores where nothing waits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from narrowcast.runtime.evaluation.data.decoded import Decoded
from narrowcast.runtime.evaluation.data.images.folder import ImageFolder
from narrowcast.runtime.evaluation.data.records.images import ImageRecords
from narrowcast.runtime.evaluation.transforms.resizing import resize

sys.path.append(str(Path(__file__).parents[2] / "tests/shared"))
from tfrecords import encoded, example, write_records

COUNT, KINDS, PASSES, BATCH = 600, 8, 4, 64


def photographs() -> list[bytes]:
    """Some that differ: noise, made smooth."""
    generator = np.random.default_rng(0)
    found = []
    for _kind in range(KINDS):
        noise = generator.integers(0, 256, (188, 250, 3), np.uint8)
        pixels = np.asarray(Image.fromarray(noise).resize((500, 375)))
        found.append(encoded(pixels, "JPEG"))
    return found


def put(folder: Path) -> tuple[ImageFolder, ImageRecords]:
    """The photographs again and again, in both forms."""
    kinds = photographs()
    (folder / "images/class").mkdir(parents=True)
    for number in range(COUNT):
        (folder / f"images/class/{number}.jpg").write_bytes(kinds[number % KINDS])
    examples = (
        example({"image/encoded": [data], "image/class/label": [1]}) for data in kinds
    )
    path = write_records(folder / "val-0-of-1", examples)
    path.write_bytes(path.read_bytes() * (COUNT // KINDS))
    return ImageFolder(folder / "images"), ImageRecords(path)


def resized(image: Any, label: Any) -> tuple[Any, Any]:
    return resize(image, (224, 224), interpolation="bilinear"), label


def busy(dataset: Decoded) -> tuple[float, float]:
    """The most cores that were busy in a pass, and CPU milliseconds of an image."""
    passes = []
    for _pass in range(PASSES):
        wall, cpu = time.perf_counter(), time.process_time()
        for _batch in dataset.batches(BATCH):
            pass
        spent = time.process_time() - cpu
        passes.append((spent / (time.perf_counter() - wall), 1000 * spent / COUNT))
    return max(passes)


def main() -> None:
    with TemporaryDirectory() as name:
        for dataset in put(Path(name)):
            for how, made in (
                ("decoded", Decoded(dataset)),
                ("and resized", Decoded(dataset, resized)),
            ):
                cores, cost = busy(made)
                kind = type(dataset).__name__
                print(f"{kind:13}{how:12}{cores:5.2f} cores{cost:6.2f} ms an image")


if __name__ == "__main__":
    main()
