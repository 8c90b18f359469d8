"""The documents write every key of the schema, and every name of Neural Compressor's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from documents import DOCUMENTS

from narrowcast.spec.sections.document import Document
from narrowcast.spec.sections.model import FRAMEWORKS

OURS = {
    *(
        "runtime",
        "signature",
        "factory",
        "weights",
        "strip_prefix",
        "trust",
        "largest",
        "costs",
    ),
    *("npz", "csv", "python", "args", "execution", "error_rate", "average", "drift"),
    *("parquet", "jsonl", "npy", "wav", "inputs", "label", "tokenizer", "segments"),
    *("samples", "doc_stride", "max_query_length", "threshold", "axis"),
}
"""Keys that Neural Compressor does not have, and that no document needs to write."""

DATASETS = {
    "tensorflow": """CIFAR10 CIFAR100 MNIST FashionMNIST ImageFolder TFRecordDataset
        ImageRecord ImagenetRaw Imagenet VOCRecord COCORecord COCORaw COCONpy bert mzbert
        style_transfer dummy dummy_v2 sparse_dummy_v2""",
    "pytorch": "CIFAR10 CIFAR100 MNIST ImageFolder COCORaw bert dummy",
    "mxnet": "ImageFolder ImagenetRaw COCONpy dummy_v2",
    "onnx": "FashionMNIST ImagenetRaw COCORaw COCONpy GLUE sparse_dummy_v2",
}
TRANSFORMS = {
    "tensorflow": """AlignImageChannel CenterCrop CropResize CropToBoundingBox DecodeImage
        EncodeJpeg KerasRescale Normalize PaddedCenterCrop ParseDecodeVoc QuantizedInput
        RandomCrop RandomHorizontalFlip RandomResizedCrop RandomVerticalFlip Rescale Resize
        ResizeWithRatio ToArray Transpose ParseDecodeImagenet ParseDecodeCoco
        BilinearImagenet ResizeCropImagenet ResizeWithAspectRatio Cast Compose""",
    "pytorch": """AlignImageChannel CropResize CropToBoundingBox Normalize
        RandomResizedCrop Resize ResizeWithRatio ToArray Transpose ToTensor ToPILImage
        CenterCrop RandomCrop RandomHorizontalFlip RandomVerticalFlip Pad ColorJitter
        Compose""",
    "mxnet": "CropResize Normalize ToNDArray ToTensor CenterCrop RandomHorizontalFlip",
    "onnx": """CenterCrop Normalize RandomResizedCrop Rescale Resize ResizeWithRatio
        ToArray Transpose Cast""",
}
METRICS = {
    "tensorflow": """Accuracy BLEU COCOmAP COCOmAPv2 Loss MSE SquadF1 VOCmAP mAP mIOU
        topk""",
    "pytorch": "F1 Loss MAE RMSE ROC topk",
    "mxnet": "Accuracy MAE RMSE topk",
    "onnx": "Accuracy COCOmAP COCOmAPv2 F1 GLUE VOCmAP mAP topk",
}
OUTPUTS = {
    "tensorflow": "LabelShift Collect ModelZooCollect SquadV1 SquadV1ModelZoo",
    "pytorch": "LabelShift",
    "onnx": "LabelShift",
}


def _sections(node: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a part of the schema stands for, references followed."""
    if "$ref" in node:
        yield from _sections(schema["$defs"][node["$ref"][8:]], schema)
    for option in node.get("anyOf", ()):
        yield from _sections(option, schema)
    if "properties" in node or "additionalProperties" in node or "items" in node:
        yield node


def keys(
    node: dict[str, Any], at: tuple[str, ...], schema: dict[str, Any]
) -> Iterator[tuple[str, ...]]:
    """The paths of all keys; `*` is a key of the user's."""
    for one in _sections(node, schema):
        for name, each in one.get("properties", {}).items():
            yield (*at, name)
            if "frameworks" not in each:
                yield from keys(each, (*at, name), schema)
        if isinstance(one.get("additionalProperties"), dict):
            yield from keys(one["additionalProperties"], (*at, "*"), schema)
        if isinstance(one.get("items"), dict):
            yield from keys(one["items"], at, schema)


def _written(data: Any, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(data, dict):
        for key, value in data.items():
            table = at[-1:] in (("op_wise",), ("optype_wise",))
            step = "*" if table else str(key)
            yield (*at, step)
            yield from _written(value, (*at, step))
    elif isinstance(data, list):
        for item in data:
            yield from _written(item, at)


WRITTEN = {steps for one in DOCUMENTS for steps in _written(one.data, ())}


def _alone(steps: tuple[str, ...]) -> tuple[str, ...]:
    """What several metrics repeat of one."""
    return tuple("metric" if each == "multi_metrics" else each for each in steps)


def test_every_key_of_the_schema_is_written_at_least_at_one_place() -> None:
    """Each path, but for what one section repeats of another."""
    schema = Document.model_json_schema()
    repeated = {
        ("quantization", "calibration"),
        ("evaluation", "performance"),
        ("mixed_precision", "op_wise"),
        ("mixed_precision", "optype_wise"),
        ("model", "outputs"),  # their dtypes are ours
    }
    missing = {
        steps
        for steps in keys(schema, (), schema)
        if steps not in WRITTEN
        and not OURS & set(steps)
        and not (steps[:2] in repeated and len(steps) > 3)
        and _alone(steps) not in WRITTEN
    }
    assert sorted(map(".".join, missing)) == []


def _named(section: str, framework: str) -> set[str]:
    """What the documents of a framework name in sections of that key."""
    return {
        steps[at + 1]
        for one in DOCUMENTS
        if FRAMEWORKS.get(one.data["model"].get("framework", "")) == framework
        for steps in _written(one.data, ())
        for at in range(len(steps) - 1)
        if steps[at] == section
    }


def _missing(section: str, wanted: dict[str, str]) -> dict[str, set[str]]:
    return {
        framework: missing
        for framework, names in wanted.items()
        if (missing := set(names.split()) - _named(section, framework))
    }


def test_every_dataset_is_named_in_tensorflow_and_each_frameworks_own() -> None:
    assert not _missing("dataset", DATASETS)


def test_every_transform_is_named() -> None:
    wanted = {
        key: f"{names} {OUTPUTS.get(key, '')}" for key, names in TRANSFORMS.items()
    }
    assert not _missing("transform", wanted)


def test_every_metric_is_named() -> None:
    assert not _missing("metric", METRICS)


def test_the_filter_is_named() -> None:
    assert not _missing(
        "filter", {"tensorflow": "LabelBalance", "onnx": "LabelBalance"}
    )


def test_every_name_of_a_framework_is_written() -> None:
    written = {one.data["model"].get("framework") for one in DOCUMENTS}
    assert {*FRAMEWORKS, "NA", None} - {"onnx"} <= written | {"onnx"}
