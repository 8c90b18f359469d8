"""Every field of a spec changes the script, beyond the hash of the spec in its header.

The fields are read from the JSON Schema: a new one fails here until it has a row.
"""

import difflib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml
from dataset_fields import FIELDS

from narrowcast.codegen import compile_script, render
from narrowcast.spec import Spec, canonical, loads
from narrowcast.spec.sections.document import Document

HASH = "# spec-sha256 = "
ABSENT = object()
FP32 = {"activation": {"dtype": "fp32"}}
MODEL = {
    "name": "net",
    "framework": "pytorch",
    "factory": "pkg.net:make",
    "inputs": [{"name": "x", "shape": ["batch", 4]}],
}
EXPORTED = {k: v for k, v in MODEL.items() if k != "factory"}
WEIGHTS = MODEL | {"weights": "a.pt"}
MADE = {"model": MODEL | {"factory": {"python": "pkg.net:make"}}}
ONNX = {"model": {"name": "net", "framework": "onnx", "path": "a.onnx"}}
NAMED = {"model": {**ONNX["model"], "inputs": [{"name": "x"}]}}
SAVED_MODEL = {"model": {"name": "net", "framework": "tensorflow", "path": "folder"}}
NPZ = {"npz": {"path": "a.npz", "inputs": "x", "label": "y"}}
CSV = {"csv": {"path": "a.csv", "label": 0}}
PYTHON = {"python": "pkg.data:Data"}


def evaluated(dataset: Any = NPZ, metric: Any = None) -> dict[str, Any]:
    """A spec with this dataset and metric."""
    accuracy = {"metric": metric or {"topk": 1}, "dataloader": {"dataset": dataset}}
    return {"model": MODEL, "evaluation": {"accuracy": accuracy}}


def judged(metric: Any = None, postprocess: Any = None) -> dict[str, Any]:
    """A spec whose metric is written by a row, after these steps."""
    made = evaluated(metric=metric or {"args": {}})
    if postprocess:
        made["evaluation"]["accuracy"]["postprocess"] = {"transform": postprocess}
    return made


def rooted(name: str) -> dict[str, Any]:
    """A spec with a dataset that is read from a folder, or from a file in it."""
    own = {"python": "pkg.judging:Judge"} if name == "TFRecordDataset" else None
    return evaluated({name: {"root": "data"}}, own)


STYLE = {"style_transfer": {"content_folder": "a", "style_folder": "b"}}
LIST = {"ImagenetRaw": {"data_path": "a"}}
ARCHIVES = ("MNIST", "FashionMNIST", "CIFAR10", "CIFAR100")
ROOTED = (
    *ARCHIVES,
    *("ImageFolder", "Imagenet", "ImageRecord", "TFRecordDataset", "VOCRecord"),
    *("COCORaw", "COCONpy", "COCORecord"),
)


PLAIN: dict[str, Any] = {"model": MODEL}
PERFORMED: dict[str, Any] = {"model": MODEL, "evaluation": {"performance": {}}}
METRIC = "evaluation.accuracy.metric"
POSTPROCESS = "evaluation.accuracy.postprocess.transform"
LOADER = "evaluation.accuracy.dataloader"
CRITERION = "tuning.accuracy_criterion"

TABLE: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "model.name": (PLAIN, "net", "nets"),
    "model.path": ({"model": EXPORTED}, "a.pt2", "b.pt2"),
    "model.inputs": (ONNX, "x, y", "x, z"),
    "model.runtime": (ONNX, "openvino", "tensorrt"),
    "model.signature": (SAVED_MODEL, ABSENT, "predict"),
    "model.trust": ({"model": WEIGHTS}, False, True),
    "model.factory": (PLAIN, "pkg.net:make", "pkg.net:build"),
    "model.factory.python": (MADE, "pkg.net:make", "pkg.net:build"),
    "model.factory.args": (MADE, {"width": 8}, {"width": 16}),
    "model.weights": (PLAIN, "a.pt", "b.pt"),
    "model.strip_prefix": ({"model": WEIGHTS}, ABSENT, "module."),
    "model.inputs.name": (PLAIN, "x", "y"),
    "model.inputs.shape": (PLAIN, ["batch", 4], ["batch", 5]),
    "model.inputs.dtype": (PLAIN, "float32", "int64"),
    "model.inputs.range": (PLAIN, ABSENT, [0, 999]),
    "model.inputs.values": (PLAIN, "a.npy", "b.npy"),
    "model.inputs.value": (NAMED, 0, [0, 1]),
    "model.inputs.largest.*": (PLAIN, {"batch": 8}, {"batch": 16}),
    "model.outputs": (PLAIN, ABSENT, "logits"),
    "model.outputs.*": (PLAIN, {"a": {}}, {"a": {"dtype": "bfloat16"}}),
    "model.outputs.*.dtype": (PLAIN, "float32", "bfloat16"),
    "device": (PLAIN, "cpu", "gpu"),
    "mixed_precision.precisions": (PLAIN, "bf16", "fp16"),
    "evaluation.accuracy.metric.topk": (evaluated(), 1, 5),
    "evaluation.accuracy.metric.python": (
        evaluated(metric={"python": "m:A"}),
        "m:A",
        "m:B",
    ),
    "evaluation.accuracy.metric.args": (
        evaluated(metric={"python": "m:A"}),
        {"k": [1]},
        {"k": [2]},
    ),
    f"{METRIC}.F1.average": (judged(), "binary", "macro"),
    f"{METRIC}.F1.threshold": (judged(), ABSENT, 0.5),
    f"{METRIC}.F1.axis": (judged(), ABSENT, -1),
    f"{METRIC}.Accuracy.threshold": (judged(), ABSENT, 0.5),
    f"{METRIC}.Accuracy.axis": (judged(), ABSENT, -1),
    f"{METRIC}.GLUE.task": (judged(), "mrpc", "rte"),
    f"{METRIC}.mIOU.num_classes": (judged(), 21, 2),
    f"{POSTPROCESS}.LabelShift": (evaluated(), 1, 2),
    f"{POSTPROCESS}.Collect.length": (evaluated(), 1, 2),
    f"{POSTPROCESS}.ModelZooCollect.length": (evaluated(), 1, 2),
    "evaluation.accuracy.python": (
        {"model": MODEL, "evaluation": {"accuracy": {}}},
        "m:score",
        "m:rate",
    ),
    "evaluation.accuracy.iteration": (evaluated(), -1, 3),
    f"{LOADER}.batch_size": (evaluated(), 8, 16),
    f"{LOADER}.shuffle": (evaluated(), ABSENT, True),
    f"{LOADER}.last_batch": (evaluated(), "rollover", "discard"),
    f"{LOADER}.dataset.python": (evaluated(PYTHON), "pkg.data:A", "pkg.data:B"),
    f"{LOADER}.dataset.args": (evaluated(PYTHON), {"k": 1}, {"k": "1"}),
    f"{LOADER}.dataset.npz.path": (evaluated(), "a.npz", "b.npz"),
    f"{LOADER}.dataset.npz.inputs": (evaluated(), "x", "images"),
    f"{LOADER}.dataset.npz.label": (evaluated(), "y", "labels"),
    f"{LOADER}.dataset.csv.path": (evaluated(CSV), "a.csv", "b.csv"),
    f"{LOADER}.dataset.csv.label": (evaluated(CSV), 0, -1),
    f"{LOADER}.dataset.csv.shape": (evaluated(CSV), [4], [2, 2]),
    f"{LOADER}.dataset.csv.header": (evaluated(CSV), False, True),
    f"{LOADER}.dataset.csv.delimiter": (evaluated(CSV), ",", ";"),
    f"{LOADER}.transform.Rescale": (evaluated(), ABSENT, {}),
    f"{LOADER}.transform.Normalize.mean": (
        evaluated(),
        [0.5],
        [0.25],
    ),
    f"{LOADER}.transform.Normalize.std": (evaluated(), [0.5], [0.25]),
    f"{LOADER}.transform.Normalize.rescale": (evaluated(), ABSENT, [2, 1]),
    f"{LOADER}.transform.Cast.dtype": (evaluated(), "float32", "float64"),
    f"{LOADER}.transform.Transpose.perm": (evaluated(), [0, 1], [1, 0]),
    f"{CRITERION}.relative": (evaluated(), 0.01, "2%"),
    f"{CRITERION}.absolute": (evaluated(), 1, 2),
    f"{CRITERION}.higher_is_better": (
        evaluated(metric={"python": "m:A"}),
        True,
        False,
    ),
    "evaluation.performance.warmup": (PERFORMED, 5, 9),
    "evaluation.performance.iteration": (PERFORMED, -1, 9),
    "evaluation.performance.dataloader.batch_size": (PERFORMED, ABSENT, 1),
    "evaluation.performance.configs.num_of_instance": (PERFORMED, 1, 2),
    "evaluation.performance.configs.cores_per_instance": (PERFORMED, ABSENT, 2),
    "evaluation.performance.configs.intra_num_of_threads": (PERFORMED, ABSENT, 2),
    "evaluation.performance.configs.inter_num_of_threads": (PERFORMED, ABSENT, 2),
    "tuning.objective": (PLAIN, "low_compute", "latency"),
    "tuning.execution": (PLAIN, "eager", "compile"),
    "tuning.exit_policy.timeout": (evaluated(), 0, 60),
    "tuning.exit_policy.max_trials": (evaluated(), 20, 3),
    "tuning.exit_policy.performance_only": (evaluated(), False, True),
    "tuning.error_rate": (evaluated(), ABSENT, 0.01),
    "tuning.random_seed": (PLAIN, 1, 2),
}
BESIDE = {
    f"{LOADER}.transform.Normalize.mean": (f"{LOADER}.transform.Normalize.std", [1]),
    f"{LOADER}.transform.Normalize.std": (f"{LOADER}.transform.Normalize.mean", [0]),
}
"""What else must be written for a field to be valid."""

HW = {"height": 8, "width": 8}
BOX = {"offset_height": 0, "offset_width": 0, "target_height": 8, "target_width": 8}
PART = {"x": 0, "y": 0, "width": 8, "height": 8, "size": 8}
INTERPOLATION = {"interpolation": ("bilinear", "nearest")}
IMAGES: dict[str, tuple[dict[str, Any], dict[str, tuple[Any, Any]]]] = {
    "AlignImageChannel": ({}, {"dim": (3, 1)}),
    "BilinearImagenet": (
        HW,
        {
            "height": (8, 9),
            "width": (8, 9),
            "central_fraction": (0.875, 1),
            "mean_value": ([0, 0, 0], 0.5),
            "scale": (1, 2),
        },
    ),
    "CenterCrop": ({}, {"size": (8, 9)}),
    "ColorJitter": (
        {},
        {
            "brightness": (0.1, 0.2),
            "contrast": (0.1, [0.5, 1]),
            "saturation": (0, 0.1),
            "hue": (0.1, 0.2),
        },
    ),
    "CropResize": (
        PART,
        dict.fromkeys(("width", "height", "size"), (8, 9))
        | dict.fromkeys(("x", "y"), (0, 1))
        | INTERPOLATION,
    ),
    "CropToBoundingBox": (BOX, {key: (value, 9) for key, value in BOX.items()}),
    "DecodeImage": ({}, {"channels": (0, 3)}),
    "EncodeJpeg": (
        {},
        {
            "quality": (95, 90),
            "progressive": (False, True),
            "optimize_size": (False, True),
            "chroma_downsampling": (True, False),
        },
    ),
    "KerasRescale": ({}, {"rescale": ([127.5, 1], [255, 0])}),
    "Pad": (
        {"padding": 1},
        {
            "padding": (1, [1, 2]),
            "fill": (0, [1, 2, 3]),
            "padding_mode": ("constant", "edge"),
        },
    ),
    "PaddedCenterCrop": ({"size": 8}, {"size": (8, [9]), "crop_padding": (0, 2)}),
    "QuantizedInput": (
        {"scale": 1},
        {"dtype": ("int8", "uint8"), "scale": (1, ABSENT)},
    ),
    "RandomCrop": ({}, {"size": (8, 9)}),
    "RandomResizedCrop": (
        {"size": 8},
        {
            "size": (8, 9),
            "scale": ([0.08, 1], [0.5, 1]),
            "ratio": ([0.75, 1.25], [1, 1]),
        }
        | INTERPOLATION,
    ),
    "Resize": (
        {"size": 8},
        {"size": (8, [8, 9]), "keep_ratio": (ABSENT, True)} | INTERPOLATION,
    ),
    "ResizeCropImagenet": (
        HW,
        {
            "height": (8, 9),
            "width": (8, 9),
            "random_crop": (ABSENT, True),
            "resize_side": (256, 255),
            "resize_method": ("bilinear", "area"),
            "random_flip_left_right": (ABSENT, True),
            "mean_value": ([0, 0, 0], "1 2 3"),
            "scale": (1, 2),
            "subpixels": ("RGB", "BGR"),
        },
    ),
    "ResizeWithAspectRatio": (
        HW,
        {"height": (8, 9), "width": (8, 9), "scale": (87.5, 100)},
    ),
    "ResizeWithRatio": (
        {},
        {
            "min_dim": (800, 8),
            "max_dim": (1365, 9),
            "padding": (False, True),
            "constant_value": (0, 1),
        },
    ),
}
"""Transform → what it needs, and its keys with two values each."""


def prepared(**transforms: Any) -> dict[str, Any]:
    """A spec with these transforms."""
    found = evaluated()
    found["evaluation"]["accuracy"]["dataloader"]["transform"] = transforms
    return found


for _name, (_needed, _keys) in IMAGES.items():
    for _key, (_one, _other) in _keys.items():
        TABLE[f"{LOADER}.transform.{_name}.{_key}"] = (
            prepared(**{_name: dict(_needed)}),
            _one,
            _other,
        )
for _name in (
    *("RandomHorizontalFlip", "RandomVerticalFlip", "ToArray", "ToNDArray"),
    *("ToPILImage", "ToTensor"),
):
    TABLE[f"{LOADER}.transform.{_name}"] = (
        prepared(CenterCrop={"size": 8}),
        ABSENT,
        {},
    )
TABLE |= {
    f"{LOADER}.transform.Compose.transform_list": (
        prepared(Compose={}),
        ABSENT,
        [{"CenterCrop": {"size": 8}}],
    ),
    f"{LOADER}.transform.python": (evaluated(), "pkg.own:Own", "pkg.own:Other"),
    f"{LOADER}.transform.args": (prepared(python="m:A"), {"k": 1}, {"k": 2}),
}

for _name in ROOTED:
    TABLE[f"{LOADER}.dataset.{_name}.root"] = (rooted(_name), "a", "b")
for _name in ARCHIVES:
    TABLE[f"{LOADER}.dataset.{_name}.train"] = (rooted(_name), False, True)
for _name in ("img_dir", "anno_dir"):
    TABLE[f"{LOADER}.dataset.COCORaw.{_name}"] = (rooted("COCORaw"), "a", "b")
for _name in ("npy_dir", "anno_dir"):
    TABLE[f"{LOADER}.dataset.COCONpy.{_name}"] = (rooted("COCONpy"), "a", "b")
for _name in ("data_path", "image_list"):
    TABLE[f"{LOADER}.dataset.ImagenetRaw.{_name}"] = (evaluated(LIST), "a", "b")

TWO = {**evaluated(STYLE), "model": MODEL | {"inputs": "content, style"}}
for _name in ("content_folder", "style_folder", "image_format"):
    TABLE[f"{LOADER}.dataset.style_transfer.{_name}"] = (TWO, "c", "d")
TABLE[f"{LOADER}.dataset.style_transfer.resize_shape"] = (TWO, [8, 8], "8, 9")
TABLE[f"{LOADER}.filter.LabelBalance.size"] = (rooted("COCORaw"), 1, 2)
BOUND = {"name": "net", "framework": "pytorch", "factory": "pkg.net:make"}
"""Takes as many inputs as the data gives."""
for _dataset, _fields in FIELDS.items():
    for _field, (_beside, *_values) in _fields.items():
        _accuracy = {"dataloader": {"dataset": {_dataset: _beside}}}
        _base = {"model": BOUND, "evaluation": {"accuracy": _accuracy}}
        TABLE[f"{LOADER}.dataset.{_dataset}.{_field}"] = (_base, *_values)
DRIFT = f"{CRITERION}.drift"
NEARNESS = {
    "agreement": (0.9, 0.99),
    "cosine": (0.9, 0.99),
    "least_cosine": (0.9, 0.99),
    "sqnr": (20, 30),
    "kl": (0.1, 0.2),
    "relative_error": (0.1, 0.2),
    "largest_error": (1, 2),
    "axis": (-1, 1),
}
for _measure, _values in NEARNESS.items():
    for _at in (DRIFT, f"{DRIFT}.outputs.*"):
        TABLE[f"{_at}.{_measure}"] = ({"model": MODEL | {"outputs": "a"}}, *_values)
        if _measure == "axis":
            BESIDE[f"{_at}.axis"] = (f"{_at}.kl", 1)
TABLE[f"{DRIFT}.outputs.*"] = (
    {"model": MODEL | {"outputs": "a, b"}},
    {"a": {"kl": 1}},
    {"b": {"kl": 1}},
)
TABLE[f"{DRIFT}.on_random_inputs"] = (PLAIN, False, True)
BESIDE[f"{DRIFT}.on_random_inputs"] = (f"{DRIFT}.kl", 1)

TABLE["costs"] = (PLAIN | {"tuning": {"objective": "latency"}}, ABSENT, "static")

for _section in ("mixed_precision", "quantization"):
    for _kind in ("optype_wise", "op_wise"):
        _key = f"{_section}.{_kind}"
        TABLE[f"{_key}.*"] = (PLAIN, {"a": FP32}, {"b": FP32})
        for _side in ("activation", "weight"):
            TABLE[f"{_key}.*.{_side}.dtype"] = (PLAIN, "fp32", "bf16")

for _side in ("activation", "weight"):
    TABLE[f"quantization.model_wise.{_side}.dtype"] = (PLAIN, "bf16", "fp32")

INT8 = ONNX | {"mixed_precision": {"precisions": ["int8", "bf16"]}}
TABLE["quantization.approach"] = (
    INT8,
    "post_training_static_quant",
    "post_training_dynamic_quant",
)
TABLE["quantization.calibration.sampling_size"] = (INT8, 50, "100, 50")
for _at in (
    "quantization.model_wise",
    *(
        f"{_section}.{_kind}.*"
        for _section in ("mixed_precision", "quantization")
        for _kind in ("optype_wise", "op_wise")
    ),
):
    for _side, _granularity, _algorithm in (
        ("activation", "per_tensor", "kl"),
        ("weight", "per_channel", "minmax"),
    ):
        TABLE[f"{_at}.{_side}.scheme"] = (INT8, "sym", "asym")
        TABLE[f"{_at}.{_side}.granularity"] = (INT8, ABSENT, _granularity)
        TABLE[f"{_at}.{_side}.algorithm"] = (INT8, ABSENT, _algorithm)
        if _at.endswith(".*"):  # an op has to demand something
            for _key in ("granularity", "algorithm"):
                BESIDE[f"{_at}.{_side}.{_key}"] = (f"{_at}.weight.scheme", "sym")

for _name in ("mAP", "COCOmAP", "COCOmAPv2", "VOCmAP"):
    _key = f"{METRIC}.{_name}"
    TABLE[f"{_key}.anno_path"] = (judged(), "a.yaml", "b.yaml")
    TABLE[f"{_key}.map_key"] = (
        judged(),
        "DetectionBoxes_Precision/mAP",
        "DetectionBoxes_Recall/AR@1",
    )
for _name in ("mAP", "COCOmAPv2"):
    _key = f"{METRIC}.{_name}"
    TABLE[f"{_key}.iou_thrs"] = (judged(), 0.5, "0.5:0.05:0.95")
    TABLE[f"{_key}.map_points"] = (judged(), 11, 101)
for _name in ("RMSE", "MAE"):
    TABLE[f"{METRIC}.{_name}.compare_label"] = (judged(), True, False)
for _place in ("boxes", "scores", "classes", "num_detections"):
    _key = f"{METRIC}.COCOmAPv2.output_index_mapping.{_place}"
    TABLE[_key] = (judged(), 7, 8)

FILES = {"label_file": "a.json", "vocab_file": "a.txt"}
for _name in ("MSE", "RMSE", "MAE"):
    TABLE[f"{METRIC}.{_name}.compare_label"] = (
        evaluated(metric={_name: {}}),
        True,
        False,
    )
for _name in ("SquadV1", "SquadV1ModelZoo"):
    _base = judged({"SquadF1": {}}, {_name: FILES})
    for _key, _one, _other in (
        ("label_file", "a.json", "b.json"),
        ("vocab_file", "a.txt", "b.txt"),
        ("n_best_size", 20, 1),
        ("max_seq_length", 384, 128),
        ("max_query_length", 64, 32),
        ("max_answer_length", 30, 10),
        ("doc_stride", 128, 64),
        ("do_lower_case", True, False),
    ):
        TABLE[f"{POSTPROCESS}.{_name}.{_key}"] = (_base, _one, _other)

ONE_MEANING: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "version": (PLAIN, 1, 1.5, "all versions known have one dialect"),
    "model.framework": (
        PLAIN,
        "pytorch",
        "pytorch_fx",
        "the spellings of Neural Compressor name one framework",
    ),
}
for _name in ("BLEU", "Loss", "SquadF1"):
    ONE_MEANING[f"{METRIC}.{_name}"] = (judged(), {}, None, "it has no parameters")
"""Fields of one value, or of several that mean one thing, with the reason."""

for _name in ("Coco", "Imagenet", "Voc"):
    ONE_MEANING[f"{LOADER}.transform.ParseDecode{_name}"] = (
        evaluated(),
        ABSENT,
        {},
        "the datasets of records do it whenever they read",
    )


def together(base: dict[str, Any]) -> dict[str, Any]:
    """The same spec with its metric among several."""
    found = deepcopy(base)
    accuracy = found["evaluation"]["accuracy"]
    metric = accuracy.pop("metric")
    accuracy["multi_metrics"] = {k: v for k, v in metric.items() if k != "args"}
    return found


MULTI = "evaluation.accuracy.multi_metrics"
REPEATED = {
    each: each.replace(METRIC, MULTI, 1)
    for each in (*TABLE, *ONE_MEANING)
    if each.startswith(f"{METRIC}.") and each.split(".")[3] not in ("python", "args")
}
"""What several metrics have of each that one alone has too."""

for _leaf, _again in REPEATED.items():
    if _leaf in TABLE:
        _base, _one, _other = TABLE[_leaf]
        TABLE[_again] = (together(_base), _one, _other)
    else:
        _base, _one, _other, _why = ONE_MEANING[_leaf]
        ONE_MEANING[_again] = (together(_base), _one, _other, _why)
_several = together(evaluated(metric={"topk": 1, "MSE": {}}))
TABLE[f"{MULTI}.weight"] = (_several, [1, 2], [2, 1])
ONE_MEANING[f"{MULTI}.higher_is_better"] = (
    _several,
    ABSENT,
    [True, False],
    "it can only be the metrics' own",
)


def calibrated(base: dict[str, Any]) -> dict[str, Any]:
    """A spec of int8 whose ranges are taken from this one's data."""
    found = deepcopy(base)
    accuracy = found["evaluation"]["accuracy"]
    loader = accuracy["dataloader"]
    inputs = found["model"].get("inputs", "x")
    inputs = inputs.split(",") if isinstance(inputs, str) else inputs
    names = [f"a{k}" for k, _one in enumerate(inputs)]
    seen = {"path": "seen.npz", "inputs": names, "label": "y"}
    accuracy["dataloader"] = {"dataset": {"npz": seen}}
    found["quantization"] = {"calibration": {"dataloader": loader}}
    found["mixed_precision"] = {"precisions": ["int8", "bf16"]}
    if found["model"]["framework"] == "pytorch":
        found.setdefault("tuning", {})["execution"] = "compile"
    return found


RANGES = "quantization.calibration.dataloader"
READ_TOO = {
    each: each.replace(LOADER, RANGES, 1)
    for each in (*TABLE, *ONE_MEANING)
    if each.startswith(f"{LOADER}.")
}
"""What data of ranges has of each key that evaluated data has."""

for _leaf, _again in READ_TOO.items():
    if _leaf in TABLE:
        _base, _one, _other = TABLE[_leaf]
        TABLE[_again] = (calibrated(_base), _one, _other)
    else:
        _base, _one, _other, _why = ONE_MEANING[_leaf]
        ONE_MEANING[_again] = (calibrated(_base), _one, _other, _why)
REPEATED |= READ_TOO


def resolved(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that a schema stands for, null left out."""
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        return resolved(schema["$defs"][name], schema)
    options = node.get("anyOf", [])
    found = [each for option in options for each in resolved(option, schema)]
    return found if options else [node] * (node.get("type") != "null")


def leaves(
    node: dict[str, Any], at: tuple[str, ...], schema: dict[str, Any]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The paths of all values, of lists' items too, with the words they may be.

    `.*` is a key of the user's.
    """
    if MARKS & node.keys():
        return
    for one in resolved(node, schema):
        values = one.get("additionalProperties")
        if one.get("properties"):
            for name, each in one["properties"].items():
                yield from leaves(each, (*at, name), schema)
        elif isinstance(values, dict):
            yield ".".join((*at, "*")), ()
            yield from leaves(values, (*at, "*"), schema)
        elif "items" in one:
            yield from leaves(one["items"], at, schema)
        else:
            yield ".".join(at), tuple(one.get("enum", ()))


MARKS = {"effect", "frameworks"}
"""What marks keys of no effect, and names of what is not built: see tests/dialect."""

WORDS = dict(
    sorted(leaves(Document.model_json_schema(), (), Document.model_json_schema()))
)
LEAVES = sorted(WORDS)


def put(data: Any, path: str, value: Any) -> None:
    """Write one value: into the first item of a list, under the key `a` for `*`."""
    steps = ["a" if step == "*" else step for step in path.split(".")]
    for step in steps[:-1]:
        data = data.setdefault(step, {})
        data = data[0] if isinstance(data, list) else data
    if value is ABSENT:
        data.pop(steps[-1], None)
    else:
        data[steps[-1]] = value


def spec(base: dict[str, Any], leaf: str, value: Any) -> Spec:
    data = deepcopy(base)
    if leaf in BESIDE:
        put(data, *BESIDE[leaf])
    put(data, leaf.removesuffix(".*"), value)
    return loads(yaml.safe_dump(data, sort_keys=False))


def lines(spec: Spec) -> list[str]:
    text = render(compile_script(spec, Path("/a/spec.yaml"), Path("/a/script.py")))
    return text.splitlines()


def test_leaves_are_found() -> None:
    """Of each kind one: nested, in a list, behind null, under a key of the user's."""
    assert len(LEAVES) > 40
    assert {
        "costs",
        "model.inputs.shape",
        "model.weights",
        "evaluation.accuracy.dataloader.transform.Rescale",
        "quantization.op_wise.*.weight.dtype",
    } <= set(LEAVES)


def test_every_leaf_has_a_row() -> None:
    assert sorted([*TABLE, *ONE_MEANING]) == LEAVES


@pytest.mark.parametrize("leaf", TABLE)
def test_leaf_changes_the_script(leaf: str) -> None:
    base, one, other = TABLE[leaf]
    before, after = lines(spec(base, leaf, one)), lines(spec(base, leaf, other))
    changed = set(before) ^ set(after)
    assert {line for line in changed if line.startswith(HASH)}
    assert {line for line in changed if not line.startswith(HASH)}


@pytest.mark.nightly
def test_a_leaf_changes_few_lines() -> None:
    """Added and removed ones, the hash's among them."""
    counts = []
    for leaf, (base, one, other) in TABLE.items():
        before, after = lines(spec(base, leaf, one)), lines(spec(base, leaf, other))
        told = difflib.unified_diff(before, after, n=0, lineterm="")
        counts.append(sum(line[:1] in "+-" for line in list(told)[2:]))
    assert median(counts) <= 12


@pytest.mark.parametrize("leaf", ONE_MEANING)
def test_leaf_has_one_meaning(leaf: str) -> None:
    base, one, other, _reason = ONE_MEANING[leaf]
    first, second = spec(base, leaf, one), spec(base, leaf, other)
    assert canonical(first) == canonical(second)
    assert lines(first) == lines(second)


def written(data: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The leaves that a spec's data has, with their values."""
    if ".".join(at) in WORDS:
        yield ".".join(at), data
    if isinstance(data, list):
        for item in data:
            yield from written(item, at)
    elif isinstance(data, dict):
        if at[-2:] == ("Compose", "transform_list"):  # as in `transform` itself
            at = at[:-2]
        chosen = ".".join((*at, "*")) in WORDS
        for key, value in data.items():
            yield from written(value, (*at, "*" if chosen else key))


def data_of(script: Path) -> Any:
    """The spec of a case."""
    return yaml.safe_load(script.parents[1].joinpath("spec.yaml").read_text("utf-8"))


CASES = Path(__file__).parents[1] / "cases"
WRITTEN = [
    pair
    for script in CASES.glob("*/expected/*.py")
    for pair in written(data_of(script))
]


def test_cases_write_every_leaf() -> None:
    again = set(REPEATED.values())
    assert set(LEAVES) - again == {leaf for leaf, _value in WRITTEN} - again


def test_cases_write_every_word() -> None:
    """Leaves share their words: a dtype once, wherever it can stand, `string` too."""
    used: dict[tuple[str, ...], set[str]] = {}
    for leaf, value in WRITTEN:
        if isinstance(value, str):
            found = value.replace(",", " ").split()
            used.setdefault(WORDS[leaf], set()).update(found)
    for words in set(WORDS.values()) - {()}:
        shared = (used[each] for each in used if set(each) >= set(words))
        assert set(words) <= set().union(*shared)
