"""Every field of a spec changes the script, beyond the hash of the spec in its header.

The fields are read from the JSON Schema: a new one fails here until it has a row.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from narrowcast.codegen import compile_script, render
from narrowcast.spec import Spec, canonical, json_schema, loads

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


PLAIN: dict[str, Any] = {"model": MODEL}
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
    "model.weights": (PLAIN, "a.pt", "b.pt"),
    "model.inputs.name": (PLAIN, "x", "y"),
    "model.inputs.shape": (PLAIN, ["batch", 4], ["batch", 5]),
    "model.inputs.dtype": (PLAIN, "float32", "int64"),
    "model.inputs.range": (PLAIN, ABSENT, [0, 999]),
    "model.inputs.values": (PLAIN, "a.npy", "b.npy"),
    "model.inputs.value": (NAMED, 0, [0, 1]),
    "model.inputs.largest.*": (PLAIN, {"batch": 8}, {"batch": 16}),
    "model.outputs": (PLAIN, ABSENT, "logits"),
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
    f"{LOADER}.transform.Cast.dtype": (evaluated(), "float32", "float64"),
    f"{LOADER}.transform.Transpose.perm": (evaluated(), [0, 1], [1, 0]),
    f"{CRITERION}.relative": (evaluated(), 0.01, "2%"),
    f"{CRITERION}.absolute": (evaluated(), 1, 2),
    f"{CRITERION}.higher_is_better": (
        evaluated(metric={"python": "m:A"}),
        True,
        False,
    ),
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

TABLE["costs"] = (PLAIN | {"tuning": {"objective": "latency"}}, ABSENT, "static")

for _section in ("mixed_precision", "quantization"):
    for _kind in ("optype_wise", "op_wise"):
        _key = f"{_section}.{_kind}"
        TABLE[f"{_key}.*"] = (PLAIN, {"a": FP32}, {"b": FP32})
        for _side in ("activation", "weight"):
            TABLE[f"{_key}.*.{_side}.dtype"] = (PLAIN, "fp32", "bf16")

for _side in ("activation", "weight"):
    TABLE[f"quantization.model_wise.{_side}.dtype"] = (PLAIN, "bf16", "fp32")

ONE_MEANING: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "version": (PLAIN, 1, 1.5, "all versions known have one dialect"),
    "model.framework": (
        PLAIN,
        "pytorch",
        "pytorch_fx",
        "the spellings of Neural Compressor name one framework",
    ),
    "evaluation.accuracy.metric.MSE.compare_label": (
        evaluated(metric={"MSE": {}}),
        ABSENT,
        True,
        "false is not built yet",
    ),
}
"""Fields of one value, or of several that mean one thing, with the reason."""


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

WORDS = dict(sorted(leaves(json_schema(), (), json_schema())))
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
    assert sorted({leaf for leaf, _value in WRITTEN}) == LEAVES


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
