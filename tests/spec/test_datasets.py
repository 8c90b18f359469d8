"""What a spec may say of rows, text, folders and random samples."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from narrowcast.spec import Spec, SpecError, loads
from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.sections.datasets.random import DummyV2, SparseDummyV2

ROWS = {"path": "a", "inputs": "x", "label": "y"}
TWO = [{"name": "a"}, {"name": "b"}]


def spec(dataset: dict[str, Any], inputs: Any = None, **accuracy: Any) -> Spec:
    model = {"name": "net", "framework": "tensorflow", "path": "a.pb"}
    if inputs:
        model["inputs"] = inputs
    accuracy = {**accuracy, "dataloader": {"dataset": dataset}}
    data = {"model": model, "evaluation": {"accuracy": accuracy}}
    return loads(yaml.safe_dump(data, sort_keys=False))


def read(dataset: dict[str, Any]) -> Any:
    """The dataset's section, of a model that names no inputs."""
    found = spec(dataset).evaluation.dataset
    assert isinstance(found, BuiltInDataset)
    return found


@pytest.mark.parametrize(
    ("dataset", "inputs", "words"),
    [
        ({"jsonl": ROWS | {"segments": False}}, None, "only a tokenizer goes by it"),
        (
            {"jsonl": ROWS | {"tokenizer": "t", "shape": [2]}},
            None,
            "a tokenizer says what shape its numbers have",
        ),
        (
            {"parquet": ROWS | {"tokenizer": "t", "inputs": "a, b, c"}},
            None,
            "a tokenizer takes a text or two",
        ),
        ({"parquet": ROWS | {"inputs": "a, b"}}, None, "say which inputs of the model"),
        ({"parquet": ROWS}, TWO, "1 columns, but 2 in model.inputs"),
        ({"jsonl": ROWS | {"tokenizer": "t"}}, TWO, "3 arrays of a tokenizer, but 2"),
        (
            {"npy": {"path": "a", "label": "y"}},
            None,
            "no array is named under `inputs`",
        ),
        ({"wav": {"path": "a", "layout": "C"}}, None, "unknown value `C`"),
        ({"dummy": {"shape": [[2, 3], [4, 3]]}}, None, "begin with [2, 4]"),
        ({"dummy": {"shape": [2, 0]}}, None, "a shape is sizes of at least 1"),
        ({"dummy": {"shape": [2, 3], "low": [1, 2]}}, None, "2 values for 1 arrays"),
        ({"dummy": {"shape": [2], "low": 5, "high": 1}}, None, "begin above"),
        ({"dummy": {"shape": [2], "dtype": "complex64"}}, None, "unknown value"),
        ({"dummy": {"shape": [2, 3]}}, TWO, "1 shapes, but 2 in model.inputs"),
        (
            {"sparse_dummy_v2": {"dense_shape": [2], "sparse_ratio": 2}},
            None,
            "a share is from 0 to 1",
        ),
        (
            {"sparse_dummy_v2": {"dense_shape": [2], "sparse_ratio": [0.1, 0.2]}},
            None,
            "2 shares for 1 inputs",
        ),
        (
            {"sparse_dummy_v2": {"dense_shape": [2], "label_shape": [[1], [2]]}},
            None,
            "2 labels for 1 inputs",
        ),
        ({"GLUE": {"data_dir": "a"}}, None, "model_name_or_path"),
        (
            {"GLUE": {"data_dir": "a", "model_name_or_path": "t", "task": "mprc"}},
            None,
            "did you mean `mrpc`?",
        ),
        (
            {"bert": {"root": "a", "label_file": "b", "tokenizer": "t"}},
            None,
            "root holds tokens already",
        ),
        ({"bert": {"tokenizer": "t"}}, None, "reads the questions of label_file"),
        ({"bert": {"root": "a", "doc_stride": 9}}, None, "only a tokenizer goes by it"),
    ],
)
def test_what_does_not_go_together_is_told(
    dataset: dict[str, Any], inputs: Any, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        spec(dataset, inputs)
    assert words in str(caught.value)


def test_shapes_and_ranges_are_of_all_arrays_or_of_each() -> None:
    two = read({"dummy_v2": {"input_shape": [[2], [3]], "label_shape": 1, "low": 0}})
    assert isinstance(two, DummyV2)
    assert two.shapes == ((2,), (3,), (1,))
    assert two.ranges == ((0.0, 127.0, "float32"),) * 3
    sparse = read({"sparse_dummy_v2": {"dense_shape": [[2], [3]], "label_shape": [1]}})
    assert isinstance(sparse, SparseDummyV2)
    assert (sparse.labels, sparse.ratios) == (((1,), (1,)), (0.5, 0.5))


def test_a_dataset_that_names_no_file_is_supplied() -> None:
    found = spec({"bert": {"dataset": "mrpc", "task": "classifier"}})
    assert found.evaluation.dataset is None
    (note,) = (n for n in map(str, found.notices) if "names no file" in n)
    assert "dataset.bert" in note


def test_answers_beside_tokens_are_noted() -> None:
    found = spec({"bert": {"root": "a", "label_file": "b"}})
    (note,) = (n for n in map(str, found.notices) if "label_file" in n)
    assert "postprocess names the answers" in note


def test_a_metric_needs_labels() -> None:
    with pytest.raises(SpecError, match="names none"):
        spec({"dummy": {"shape": [2, 3], "label": False}}, metric={"topk": 1})
