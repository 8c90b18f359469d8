"""What generated scripts read: one spec gives the same arrays in every framework."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tfrecords import encoded, example, picture, write_records

from narrowcast.codegen import compile_script, render
from narrowcast.spec import SpecError, loads
from narrowcast.spec.sections.datasets import records

MODELS: Mapping[str, Mapping[str, Any]] = {
    "pytorch": {"path": "net.pt2"},
    "tensorflow": {"path": "net.pb"},
    "mxnet": {"path": "net-symbol.json", "weights": "net-0000.params"},
    "onnx": {"path": "net.onnx"},
}
"""Framework → a model of it, which nobody opens here."""

COUNT = 5


def folders(root: Path) -> None:
    """A folder for each class, and a list beside them."""
    for number in range(COUNT):
        path = root / f"{'ab'[number % 2]}/{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(picture(number)))
    listed = (f"{'ab'[number % 2]}/{number}.png {number}" for number in range(COUNT))
    (root / "val.txt").write_text("\n".join(listed))


def image_records(root: Path) -> None:
    examples = (
        example({"image/encoded": [encoded(picture(k))], "image/class/label": [k]})
        for k in range(COUNT)
    )
    write_records(root / "val-0-of-1", examples)


def cifar(root: Path) -> None:
    pixels = np.stack([picture(k, 32, 32).transpose(2, 0, 1) for k in range(COUNT)])
    batch = {"data": pixels.reshape(COUNT, -1), "labels": list(range(COUNT))}
    (root / "test_batch").write_bytes(pickle.dumps(batch, 2))


def coco(root: Path) -> None:
    """Image k has k objects: the first has none."""
    (root / "val").mkdir()
    objects = [
        {"image_id": k, "category_id": 1, "bbox": [0, 0, 2, 3]}
        for k in range(COUNT)
        for _object in range(k)
    ]
    content = {
        "images": [
            {"id": k, "file_name": f"{k}.png", "height": 3, "width": 4}
            for k in range(COUNT)
        ],
        "annotations": objects,
        "categories": [{"id": 1, "name": "cat"}],
    }
    (root / "val.json").write_text(json.dumps(content))
    for k in range(COUNT):
        (root / f"val/{k}.png").write_bytes(encoded(picture(k)))


COCO = {"COCORaw": {"root": "data", "img_dir": "val", "anno_dir": "val.json"}}
LISTED = {"ImagenetRaw": {"data_path": "data", "image_list": "data/val.txt"}}


@pytest.mark.parametrize(
    ("files", "dataset", "labels"),
    [
        (folders, {"ImageFolder": {"root": "data"}}, [0, 0, 0, 1, 1]),
        (folders, LISTED, [0, 1, 2, 3, 4]),
        (image_records, {"ImageRecord": {"root": "data"}}, [0, 1, 2, 3, 4]),
        (image_records, {"ImageRecord": {"root": "data/val-*"}}, [0, 1, 2, 3, 4]),
        (cifar, {"CIFAR10": {"root": "data"}}, [0, 1, 2, 3, 4]),
    ],
    ids=["folder", "list", "records", "pattern", "CIFAR10"],
)
def test_images_are_the_same_in_every_framework(
    tmp_path: Path, files: Callable[[Path], None], dataset: Any, labels: list[int]
) -> None:
    (tmp_path / "data").mkdir()
    files(tmp_path / "data")
    loader = {"dataset": dataset, "transform": {"Rescale": {}}}
    read = {name: script(tmp_path, name, loader) for name in MODELS}
    for made in read.values():
        batches = list(made["dataset"]().batches(2))
        assert [len(found) for _inputs, found in batches] == [2, 2, 1]
        assert np.concatenate([found for _inputs, found in batches]).tolist() == labels
        (first,), _labels = batches[0]
        if "CIFAR10" not in dataset:  # all of a batch is prepared by the loop there
            expected = picture(0).astype(np.float32) / 255
            assert first.dtype == np.float32
            assert np.array_equal(first[0], expected)
        assert digest(batches) == digest(read["onnx"]["dataset"]().batches(2))


def test_an_order_is_drawn_from_the_seed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    image_records(tmp_path / "data")
    loader = {"dataset": {"ImageRecord": {"root": "data"}}, "shuffle": True}
    made = script(tmp_path, "onnx", loader)
    found = [
        [labels.tolist() for _inputs, labels in made["dataset"]().batches(5, shuffle=k)]
        for k in (made["SEED"], made["SEED"], 1)
    ]
    assert found[0] == found[1] != found[2]
    assert sorted(found[0][0]) == list(range(COUNT))


def test_objects_of_a_batch_stay_lists(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    coco(tmp_path / "data")
    made = script(tmp_path, "tensorflow", {"dataset": COCO})
    ((images,), (boxes, names, classes, ids)), _rest = made["dataset"]().batches(2)
    assert images.shape == (2, 3, 4, 3)
    assert [each.tolist() for each in boxes] == [[[0, 0, 1, 0.5]], [[0, 0, 1, 0.5]] * 2]
    assert [each.tolist() for each in names] == [[b"cat"], [b"cat"] * 2]
    assert [each.tolist() for each in classes] == [[], []]
    assert ids.tolist() == [b"1.png", b"2.png"]


def test_label_balance_keeps_images_with_so_many_objects(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    coco(tmp_path / "data")
    loader = {"dataset": COCO, "filter": {"LabelBalance": {"size": 3}}}
    made = script(tmp_path, "mxnet", loader)
    ((_images, labels),) = made["dataset"]().batches(2)
    assert labels[3].tolist() == [b"3.png"]


@pytest.mark.parametrize(
    ("transforms", "dataset"),
    [
        ({"ParseDecodeImagenet": {}, "Rescale": {}}, records.ImageRecord),
        (
            {"Compose": {"transform_list": [{"ParseDecodeCoco": {}}]}},
            records.COCORecord,
        ),
        ({"ParseDecodeVoc": {}}, records.VOCRecord),
    ],
)
def test_records_that_a_transform_decodes_are_their_dataset(
    transforms: Any, dataset: type[records.Records]
) -> None:
    raw = {"TFRecordDataset": {"root": "val-*"}}
    found = loads(spec_of("onnx", {"dataset": raw, "transform": transforms}))
    assert found.evaluation.dataset == dataset(root="val-*")


def test_records_as_they_are_have_no_labels() -> None:
    raw = spec_of("onnx", {"dataset": {"TFRecordDataset": {"root": "val-*"}}})
    with pytest.raises(SpecError, match=r"names none[^$]*ParseDecodeImagenet"):
        loads(raw)
    found = loads(raw.replace("topk: 1", "python: own:Metric"))
    assert found.evaluation.dataset == records.TFRecordDataset(root="val-*")


def spec_of(framework: str, loader: Any) -> str:
    accuracy = {"metric": {"topk": 1}, "dataloader": {"batch_size": 2, **loader}}
    model = {"name": "net", "framework": framework, **MODELS[framework]}
    return yaml.safe_dump({"model": model, "evaluation": {"accuracy": accuracy}})


def script(folder: Path, framework: str, loader: Any) -> dict[str, Any]:
    """The names of a generated script that is imported in the folder."""
    spec = loads(spec_of(framework, loader))
    path = folder / "script.py"
    text = render(compile_script(spec, folder / "spec.yaml", path))
    made: dict[str, Any] = {"__name__": "script", "__file__": str(path)}
    exec(compile(text, str(path), "exec", dont_inherit=True), made)
    return made


def digest(batches: Any) -> list[Any]:
    return [(inputs[0].tobytes(), labels.tobytes()) for inputs, labels in batches]
