"""COCO's images with their annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfrecords import encoded, picture

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.data.images.balance import Balanced
from narrowcast.runtime.evaluation.data.images.coco import CocoArrays, CocoImages

ANNOTATIONS: Any = {
    "images": [
        {"id": 7, "file_name": "b.png", "height": 10, "width": 20},
        {"id": 3, "file_name": "a.png", "height": 4, "width": 8},
        {"id": 5, "file_name": "empty.png", "height": 4, "width": 8},
    ],
    "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
    "annotations": [
        {"image_id": 3, "category_id": 18, "bbox": [2, 1, 4, 2]},
        {"image_id": 7, "category_id": 1, "bbox": [5, 0, 10, 10]},
        {"image_id": 3, "category_id": 1, "bbox": [0, 0, 8, 4]},
        {"image_id": 3, "category_id": 1, "bbox": []},
        {"image_id": 3, "category_id": 99, "bbox": [0, 0, 8, 4]},
    ],
}


def written(folder: Path, annotations: Any = ANNOTATIONS) -> Path:
    for place in ("images", "arrays", "annotations"):
        (folder / place).mkdir()
    (folder / "annotations/val.json").write_text(json.dumps(annotations))
    for number, name in enumerate(("a.png", "b.png", "empty.png")):
        (folder / "images" / name).write_bytes(encoded(picture(number)))
        np.save(folder / f"arrays/{name}.npy", np.float32(number))
    return folder


def images(root: Path) -> CocoImages:
    return CocoImages(root, img_dir="images", anno_dir="annotations/val.json")


def test_images_and_their_objects(tmp_path: Path) -> None:
    """In the annotations' order; boxes are shares of the image, top and left first."""
    dataset = images(written(tmp_path))
    assert len(dataset) == 2
    image, (boxes, names, classes, name) = dataset[1]
    assert np.array_equal(image, picture(0))
    assert boxes.tolist() == [[0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1]]
    assert names.tolist() == [b"dog", b"person"]
    assert classes.tolist() == []
    assert name == b"a.png"
    assert dataset[0][1][0].tolist() == [[0, 0.25, 1, 0.75]]
    balanced = Balanced(dataset, 2)
    assert [balanced[k][1][3] for k in range(len(balanced))] == [b"a.png"]
    assert balanced.files == dataset.files == (tmp_path / "annotations/val.json",)


def test_arrays_and_their_objects(tmp_path: Path) -> None:
    root = written(tmp_path)
    dataset = CocoArrays(root, npy_dir="arrays", anno_dir="annotations/val.json")
    assert [float(dataset[k][0]) for k in range(len(dataset))] == [1, 0, 2]
    _boxes, names, classes, name = dataset[1][1]
    assert names.tolist() == []
    assert classes.tolist() == [18, 1]
    assert name == b"a.png"
    assert dataset[2][1][0].shape == (0, 4)
    (root / "arrays/a.png.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"a\.png\.npy can't be read"):
        dataset[1]


def test_files_that_are_missing(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "images/b.png").unlink()
    with pytest.raises(DataError, match=r"1 of the 2 images .*: b\.png"):
        images(root)
    (root / "annotations/val.json").unlink()
    with pytest.raises(DataError, match="Nothing is downloaded: https://cocodataset"):
        images(root)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"categories": 5}, "no file of COCO's instances: TypeError"),
        ({"annotations": [{"image_id": 3}]}, "KeyError: 'category_id'"),
        ({"images": [{"id": 3, "file_name": "a.png"}]}, "KeyError: 'height'"),
        ({"images": []}, "no image with an object"),
        (
            {"annotations": [{"image_id": 3, "category_id": 1, "bbox": [1, 2, 3]}]},
            "ValueError",
        ),
    ],
)
def test_annotations_that_are_wrong(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        images(written(tmp_path, {**ANNOTATIONS, **change}))


def test_what_is_no_json(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "annotations/val.json").write_text("{")
    with pytest.raises(DataError, match=r"val\.json can't be read"):
        images(root)
