"""Where the channels of a sample are, and what can't be known of them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.spec import SpecError, loads
from narrowcast.spec.sections.transforms.elementwise import (
    Normalize,
    Rescale,
    Transpose,
)
from narrowcast.spec.sections.transforms.geometry import CenterCrop
from narrowcast.spec.sections.transforms.layout import Ends, Unknown, channels
from narrowcast.spec.sections.transforms.transform import FIRST, LAST, Transform

FRAMEWORKS = ("pytorch", "tensorflow", "mxnet", "onnx")
COLORS = Normalize(mean=(0.1, 0.2, 0.3), std=(1.0, 1.0, 1.0))
TO_FIRST, TO_LAST = Transpose(perm=(2, 0, 1)), Transpose(perm=(1, 2, 0))
SWAPPED = Transpose(perm=(1, 0, 2))


def spec(transforms: dict[str, Any], **more: Any) -> str:
    """A spec of arrays (or of `dataset`) with these transforms."""
    dataset = more.pop(
        "dataset", {"npz": {"path": "a.npz", "inputs": "x", "label": "y"}}
    )
    loader = {"dataset": dataset, "transform": transforms}
    model = {"name": "net", "framework": "onnxrt_qdq", "path": "net.onnx"} | more
    accuracy = {"metric": {"topk": 1}, "dataloader": loader}
    data = {"model": model, "evaluation": {"accuracy": accuracy}}
    return yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((COLORS, TO_FIRST), LAST),
        ((COLORS, TO_LAST), FIRST),
        ((Rescale(), COLORS, SWAPPED, TO_FIRST), LAST),
    ],
)
def test_a_transpose_tells_where_the_channels_of_arrays_are(
    framework: str, steps: tuple[Transform, ...], expected: int
) -> None:
    found = channels(steps, Ends(False, framework, None))
    assert found[steps.index(COLORS)] == expected


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_else_the_model_does(framework: str) -> None:
    last = LAST if framework == "tensorflow" else FIRST
    assert channels((COLORS,), Ends(False, framework, None)) == (last,)
    for shape, expected in (
        (("batch", 3, 224, 224), FIRST),
        (("batch", 224, 224, 3), LAST),
        (("batch", 3, 224, 3), last),
        (("batch", "time", 3), LAST),
    ):
        assert channels((COLORS,), Ends(False, framework, shape)) == (expected,)
    (found,) = channels((COLORS,), Ends(False, framework, ("batch", 28, 28, 1)))
    assert isinstance(found, Unknown)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_sample_of_a_stated_shape_tells_first_of_all(framework: str) -> None:
    for sample, expected in (((8, 8, 3), LAST), ((3, 8, 8), FIRST)):
        ends = Ends(False, framework, None, sample)
        assert channels((Rescale(), COLORS), ends) == (expected,) * 2
    (found,) = channels((COLORS,), Ends(False, framework, None, (8, 8, 1)))
    assert isinstance(found, Unknown)


@given(st.lists(st.permutations(range(3)).map(tuple), max_size=4))
def test_decoded_images_are_followed(perms: list[tuple[int, ...]]) -> None:
    """Whatever is transposed: the axis that was last is where it went."""
    axes = [0, 1, 2]
    for perm in perms:
        axes = [axes[each] for each in perm]
    steps = (*(Transpose(perm=perm) for perm in perms), COLORS)
    found = channels(steps, Ends(True, "pytorch", None))[-1]
    assert isinstance(found, int)
    assert range(3)[found] == axes.index(2)


def refusal(transforms: dict[str, Any], **more: Any) -> str:
    with pytest.raises(SpecError) as caught:
        loads(spec(transforms, **more))
    return str(caught.value)


NORMALIZE = {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}
FOLDER = {"ImageFolder": {"root": "photos"}}


@pytest.mark.parametrize(
    ("transforms", "more", "words"),
    [
        ({"Pad": {"padding": [1, -1]}}, {}, "Pad.padding: a border is at least 0"),
        ({"ColorJitter": {"brightness": -1}}, {}, "ColorJitter.brightness: how far"),
        ({"ColorJitter": {"hue": -0.1}}, {}, "ColorJitter.hue: how far"),
        ({"AlignImageChannel": {"dim": 2}}, {}, "dim: an image never has 2 channels"),
        (
            {"Normalize": NORMALIZE},
            {"dataset": {"csv": {"path": "a.csv", "label": 0, "shape": [8, 8, 1]}}},
            "transform.Normalize: a sample is [8, 8, 1], where neither",
        ),
        (
            {"Normalize": NORMALIZE},
            {"inputs": [{"name": "x", "shape": ["batch", 1, 28, 28]}]},
            "transform.Normalize: the model takes (batch, 1, 28, 28)",
        ),
        (
            {"Normalize": NORMALIZE, "python": "a:b"},
            {},
            "Normalize: nobody knows where the channels are",
        ),
        (
            {"Transpose": {"perm": [0, 2, 1]}, "CenterCrop": {"size": 8}},
            {"dataset": FOLDER},
            "CenterCrop: takes H x W x C",
        ),
        (
            {"Transpose": {"perm": [2, 0, 1]}, "ToTensor": {}},
            {"dataset": FOLDER},
            "ToTensor: takes H x W x C",
        ),
        (
            {"Rescale": {}, "ParseDecodeVoc": {}},
            {},
            "ParseDecodeVoc: records are decoded when they are read",
        ),
        (
            {"Compose": {"transform_list": [{}, {"Normalise": {}}]}},
            {},
            "did you mean `Normalize`",
        ),
        ({"args": {"a": 1}}, {}, "takes args"),
        ({"python": None}, {}, "transform.python: names no transform of yours"),
        (
            {"Compose": {"transform_list": [{"python": None}]}},
            {},
            "transform_list[0].python: names no transform of yours",
        ),
    ],
)
def test_what_nobody_can_know_is_refused(
    transforms: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    assert words in refusal(transforms, **more)


def test_order_is_as_written_and_lists_stand_in_their_place() -> None:
    several = [{"CenterCrop": {"size": 4}}, {"CenterCrop": {"size": 2}, "Rescale": {}}]
    given = {"Rescale": {}, "Compose": {"transform_list": several}, "Cast": {}}
    steps = loads(spec(given)).evaluation.transforms
    names = [type(step).__name__ for step in steps]
    assert names == ["Rescale", "CenterCrop", "CenterCrop", "Rescale", "Cast"]
    assert [step.size for step in steps if isinstance(step, CenterCrop)] == [
        (4, 4),
        (2, 2),
    ]


@pytest.mark.parametrize(
    ("framework", "step", "words"),
    [
        ("pytorch", {"Resize": {"size": 8}}, "Resize makes 8 x 8 of all images"),
        ("pytorch", {"Resize": {"size": 8, "keep_ratio": False}}, ""),
        ("pytorch", {"CenterCrop": {"size": 4}}, "leaves the smaller half"),
        ("onnxrt_qdq", {"CenterCrop": {"size": 4}}, ""),
        ("pytorch", {"Resize": {"size": [8, 8]}}, ""),
        ("tensorflow", {"Resize": {"size": 8}}, ""),
        (
            "onnxrt_qdq",
            {"ResizeCropImagenet": {"height": 8, "width": 8}},
            "ResizeCropImagenet is TensorFlow's",
        ),
    ],
)
def test_what_is_another_step_in_neural_compressor_is_noted(
    framework: str, step: dict[str, Any], words: str
) -> None:
    files = {"pytorch": "net.pt2", "tensorflow": "net.pb"}
    path = files.get(framework, "net.onnx")
    inputs = [{"name": "x", "shape": ["n", 3, 8, 8]}] if framework == "pytorch" else []
    notices = loads(spec(step, framework=framework, path=path, inputs=inputs)).notices
    said = [f"{n.path} {n.message}" for n in notices if "transform." in n.path]
    assert len(said) == bool(words)
    assert words in "".join(said)
