"""What may be written for a key: values of their kinds, as real specs have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from ..reading.values import Json
from ..vocabulary import NAME

FP32 = {"activation": {"dtype": ["fp32"]}}
IMAGE = {"name": "image", "shape": ["batch", 3, 224, 224], "dtype": "float32"}

VALUES: Mapping[str, Any] = {
    "version": 1.0,
    "model": {"name": "resnet50", "framework": "onnx", "path": "resnet50.onnx"},
    "model.name": "resnet50",
    "model.path": "models/resnet50.onnx",
    "model.factory": "my_package.models:build",
    "model.weights": "models/weights.safetensors",
    "model.signature": "serving_default",
    "model.inputs": [IMAGE],
    "model.inputs.name": "image",
    "model.inputs.shape": ["batch", 3, 224, 224],
    "model.inputs.largest": {"seq": 4096},
    "model.inputs.range": [0, 1],
    "model.inputs.values": "data/latents.npy",
    "model.inputs.value": 0.5,
    "model.outputs": ["logits"],
    "mixed_precision": {"precisions": "bf16"},
    "mixed_precision.precisions": "bf16",
    "mixed_precision.op_wise": {"layer4/.*": FP32},
    "mixed_precision.optype_wise": {"Softmax": FP32},
    "quantization.calibration": {"sampling_size": 300},
    "quantization.calibration.sampling_size": 300,
    "quantization.op_wise": {"layer4/.*": FP32},
    "quantization.optype_wise": {"Softmax": FP32},
    "evaluation": {"accuracy": {"metric": {"topk": 1}}},
    "evaluation.accuracy": {"metric": {"topk": 1}},
    "evaluation.accuracy.metric": {"topk": 1},
    "evaluation.accuracy.python": "my_package.scores:evaluate",
    "evaluation.accuracy.multi_metrics": {"topk": 1, "F1": {"average": "macro"}},
    "evaluation.accuracy.dataloader": {
        "batch_size": 64,
        "dataset": {"npz": {"path": "eval.npz", "inputs": "images", "label": "labels"}},
    },
    "evaluation.accuracy.dataloader.dataset": {
        "npz": {"path": "eval.npz", "inputs": "images", "label": "labels"}
    },
    "evaluation.accuracy.dataloader.transform": {
        "Rescale": {},
        "Normalize": {"mean": [0.5], "std": [0.25]},
    },
    "tuning": {"accuracy_criterion": {"relative": 0.01}},
    "tuning.accuracy_criterion": {"relative": 0.01},
    "tuning.accuracy_criterion.drift": {"cosine": 0.999},
    "tuning.exit_policy": {"max_trials": 20, "timeout": 3600},
}
"""Path → what its example has."""

LIKE = {
    r"(^|\.)root$|folder$|data_dir$|data_path$": "data/",
    r"tokenizer$|model_name_or_path$": "tokenizer.json",
    r"\.python$": "my_package.module:Name",
    r"label_file$|image_list$|anno_path$|vocab_file$": "data/labels.txt",
    r"\.args$": {"size": 224},
    r"perm$": [2, 0, 1],
    r"_shape$|\.shape$": [8, 32],
    r"csv\.label$": -1,
    r"multi_metrics\.higher_is_better$": [True],
    r"size$|padding$": 224,
    r"label$": "labels",
    r"inputs$": "inputs",
    r"rescale$": [127.5, 1],
    r"higher_is_better$": True,
    r"path$": "data/eval.file",
}
"""Paths that look so → values, the first that fits the type."""

ABOUT_INT8 = {"approach", "calibration", "scheme", "granularity", "algorithm"}
"""Keys that have an effect where `precisions` asks for int8, and what is below them."""


def example(steps: Sequence[str], schema: Json, kinds: Iterable[Json]) -> str:
    """YAML from the top of a spec down to the key.

    Args:
        kinds: What a value may be, from the schema.
    """
    found = _value(".".join(steps), schema, tuple(kinds))
    for step in reversed(steps):
        found = {"layer4/.*" if step == NAME else step: found}
    if ABOUT_INT8 & set(steps):
        inner = found.pop("mixed_precision", {})
        asked = {"precisions": ["int8", "bf16"], **inner}
        found = {"mixed_precision": asked, **found}
    if steps[:2] == ("model", "inputs") and len(steps) > 2:
        inner = found["model"]["inputs"]
        found = {"model": {"inputs": [{"name": "image", **inner}]}}
    text: str = yaml.safe_dump(found, sort_keys=False, default_flow_style=None)
    return text


def _value(path: str, schema: Json, kinds: Sequence[Json]) -> Any:
    if path in VALUES:
        return VALUES[path]
    words = [word for kind in kinds for word in kind.get("enum", ()) if word]
    if words:
        return words[0]
    if "default" in schema:
        return schema["default"]
    types = {t for kind in kinds for t in _types(kind)}
    if "array" in schema.get("type", ()) or any(
        each.get("type") == "array" for each in schema.get("anyOf", ())
    ):
        types.add("array")
    for look, value in LIKE.items():
        if re.search(look, path) and _type(value) in types:
            return value
    plain = {"integer": 1, "number": 0.5, "boolean": True, "string": "text"}
    return next((each for kind, each in plain.items() if kind in types), {})


def _types(kind: Json) -> list[str]:
    found = kind.get("type", [])
    return [found] if isinstance(found, str) else list(found)


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return kinds.get(type(value), "array" if isinstance(value, list) else "object")
