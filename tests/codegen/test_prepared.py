"""What a script makes of samples: the same in all frameworks, which it doesn't need."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from narrowcast.codegen import compile_script, render
from narrowcast.codegen.evaluation.transforms.section import (
    batch_steps,
    prepare_section,
)
from narrowcast.codegen.writing.code import Code
from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.evaluation.batches import first_inputs
from narrowcast.runtime.evaluation.transforms.coding import decode_image, encode_jpeg
from narrowcast.runtime.evaluation.transforms.numbers import normalize
from narrowcast.spec import loads

MODELS: dict[str, dict[str, Any]] = {
    "pytorch": {"path": "net.pt2", "inputs": [{"name": "x", "shape": ["n", 3, 8, 8]}]},
    "tensorflow": {"path": "net.pb"},
    "mxnet": {"path": "net-symbol.json", "weights": "net-0000.params"},
    "onnx": {"path": "net.onnx", "runtime": "openvino"},
}
CASES = Path(__file__).parents[1] / "cases"
COLORS = {"mean": [1.0, 2.0, 3.0], "std": [1.0, 1.0, 1.0]}
FOLDER = {"ImageFolder": {"root": "photos"}}
ARRAYS = {"npz": {"path": "data.npz", "inputs": "x", "label": "y"}}
OWN = """
import numpy as np

class Darker:
    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, image):
        return image.point(lambda level: int(level / self.by))

def failing(image, label):
    raise KeyError(label)

def noisy(image):
    return image + np.random.normal(size=image.shape)
"""


def text(framework: str, dataset: dict[str, Any], transforms: dict[str, Any]) -> str:
    loader = {"dataset": dataset, "transform": transforms, "batch_size": 2}
    model = {"name": f"of {framework}", "framework": framework, **MODELS[framework]}
    accuracy = {"metric": {"topk": 1}, "dataloader": loader}
    return yaml.safe_dump(
        {
            "model": model,
            "mixed_precision": {"precisions": "bf16"},
            "evaluation": {"accuracy": accuracy},
        },
        sort_keys=False,
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with photos of several sizes, arrays and a module; it can be imported."""
    generator = np.random.default_rng(0)
    for row, size in enumerate([(12, 17), (20, 11), (9, 9), (30, 16)]):
        image = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
        path = tmp_path / "photos" / f"class{row % 2}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    np.savez(tmp_path / "data.npz", x=np.zeros((2, 4, 5, 3), "f"), y=np.zeros(2, int))
    (tmp_path / "own_steps.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("own_steps", None)


def imported(
    folder: Path, framework: str, dataset: dict[str, Any], transforms: dict[str, Any]
) -> ModuleType:
    """The script of a spec, as a module."""
    spec = loads(text(framework, dataset, transforms))
    path = folder / f"script_of_{framework}.py"
    path.write_text(render(compile_script(spec, folder / "spec.yaml", path)))
    return module_of(path)


def module_of(path: Path) -> ModuleType:
    """A script, imported."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


PHOTOS = {
    "Resize": {"size": 12, "keep_ratio": True},
    "RandomCrop": {"size": 10},
    "RandomHorizontalFlip": {},
    "ColorJitter": {"brightness": 0.3, "hue": 0.1},
    "ToTensor": {},
    "CenterCrop": {"size": 8},
    "Normalize": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.2]},
}


def test_all_frameworks_get_the_same_bits(folder: Path) -> None:
    """Also what is drawn, in any order and on any thread."""
    found = []
    for framework in MODELS:
        data = imported(folder, framework, FOLDER, PHOTOS).dataset()
        found.append([*data.batches(2), data.batch(range(1, 3))])
    for batches in found:
        assert batches[0][0][0].shape == (2, 3, 8, 8)
        for ((array,), labels), ((same,), also) in zip(batches, found[0], strict=True):
            np.testing.assert_array_equal(array, same)
            np.testing.assert_array_equal(labels, also)
        np.testing.assert_array_equal(batches[2][0][0][0], batches[0][0][0][1])


@pytest.mark.parametrize("framework", MODELS)
def test_batches_are_normalised_where_the_channels_are(framework: str) -> None:
    """Transpose to C x H x W after it: the last axis is meant, not the first."""
    steps = {"Normalize": COLORS, "Transpose": {"perm": [2, 0, 1]}}
    x = np.zeros((2, 3, 5, 3), np.float32)
    names = {"np": np, "x": x, "normalize": normalize}
    for step in batch_steps(loads(text(framework, ARRAYS, steps)), Code("x")):
        for statement in step.statements:
            exec(statement, names)
    expected = np.broadcast_to(-np.float32([1, 2, 3])[:, None, None], (2, 3, 3, 5))
    np.testing.assert_array_equal(np.asarray(names["x"]), expected)


@pytest.mark.parametrize(
    ("dataset", "rescale", "expected"),
    [
        (ARRAYS, [255, 0], "x = x.astype(np.float32) / 255.0"),
        (ARRAYS, [1, 0.5], "x = x.astype(np.float32) - 0.5"),
        (FOLDER, [255, 0], "image = image.astype(np.float32) / 255.0"),
    ],
)
def test_what_changes_nothing_is_left_out(
    dataset: dict[str, Any], rescale: list[float], expected: str
) -> None:
    spec = loads(text("onnx", dataset, {"Normalize": {"rescale": rescale}}))
    found = prepare_section(spec).statements
    if dataset is ARRAYS:
        found = tuple(
            s for step in batch_steps(spec, Code("x")) for s in step.statements
        )
    assert found == (expected,)


def test_ones_own_transform_is_made_once_and_called_in_order(folder: Path) -> None:
    steps = {
        "Resize": {"size": 6},
        "ToPILImage": {},
        "python": "own_steps:Darker",
        "args": {"by": 2.0},
        "Rescale": {},
    }
    script = imported(folder, "onnx", FOLDER, steps)
    assert script.transform() is script.transform()
    (bright,) = (
        imported(folder, "mxnet", FOLDER, {"Resize": {"size": 6}})
        .dataset()
        .batch(range(4))[0]
    )
    ((dark,), _labels), *_ = script.dataset().batches(4)
    np.testing.assert_array_equal(dark, (bright // 2).astype(np.float32) / 255)


@pytest.mark.parametrize(
    ("dataset", "steps", "words"),
    [
        (FOLDER, {"CenterCrop": {"size": 16}}, "sample 0: .*CenterCrop: 16 x 16 is"),
        (
            FOLDER,
            {"Transpose": {"perm": [1, 0]}},
            "sample 0: .*Transpose: perm orders 2",
        ),
        (
            FOLDER,
            {"python": "own_steps:failing"},
            "sample 0: .*python: failing failed at own_steps.py:12: KeyError: 0",
        ),
        (
            ARRAYS,
            {"Transpose": {"perm": [1, 0]}},
            "batch .*x.transpose.*axes don't match",
        ),
        (
            ARRAYS,
            {"Normalize": {"mean": [1, 2], "std": [1, 1]}},
            r"2 means for 4 channels of \(2, 4, 5, 3\)",
        ),
    ],
)
def test_what_does_not_fit_names_sample_and_transform(
    folder: Path, dataset: dict[str, Any], steps: dict[str, Any], words: str
) -> None:
    script = imported(folder, "onnx", dataset, steps)
    with pytest.raises(DataError, match=words) as caught:
        first_inputs(script.batches)
    (name,) = steps
    assert f"transform.{name}" in str(caught.value)


def test_what_ones_own_transform_draws_is_the_same_in_each_pass(folder: Path) -> None:
    steps = {"Resize": {"size": 6}, "python": "own_steps:noisy"}
    data = imported(folder, "onnx", FOLDER, steps).dataset()
    first, second = ([batch[0][0] for batch in data.batches(2)] for _pass in range(2))
    np.testing.assert_array_equal(first, second)
    assert len({array.tobytes() for array in first}) == len(first)


@pytest.mark.parametrize("case", ["catalogue", "at_random", "photos", "planes"])
def test_every_call_of_the_cases_is_one_of_the_runtimes(case: str) -> None:
    """With the arguments that it takes: a photo goes through all of them."""
    (path,) = (CASES / f"transforms_{case}" / "expected").glob("*.py")
    script = module_of(path)
    photo = np.random.default_rng(0).integers(0, 256, (420, 530, 3), dtype=np.uint8)
    image: Any = photo.transpose(2, 0, 1) if case == "planes" else photo
    if case == "catalogue":
        image = encode_jpeg(photo)
    given = [np.random.default_rng(1)] * (case == "at_random")
    made, label = script.prepare(image, 3, *given)
    assert label == 3
    if case == "catalogue":
        assert decode_image(made).shape == (224, 224, 3)
    else:
        assert made.shape == ((3, 200, 200) if case == "planes" else (3, 224, 224))
