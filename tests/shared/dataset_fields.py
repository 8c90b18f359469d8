"""Fields of datasets of rows, text, folders and random numbers: what each may be."""

from __future__ import annotations

from typing import Any

Fields = dict[str, tuple[dict[str, Any], Any, Any]]

COLUMNS = {"path": "a", "inputs": "x", "label": "y"}
TOKENS = {**COLUMNS, "tokenizer": "t.json"}
ROWS: Fields = {
    "path": (COLUMNS, "a", "b"),
    "inputs": (COLUMNS, "x", "z"),
    "label": (COLUMNS, "y", "z"),
    "shape": (COLUMNS, [4], [2, 2]),
    "tokenizer": (TOKENS, "t.json", "vocab.txt"),
    "max_seq_length": (TOKENS, 8, 16),
    "do_lower_case": (TOKENS, True, False),
    "segments": (TOKENS, True, False),
}
SHAPE = {"shape": [8, 4]}
INPUT = {"input_shape": [4]}
DENSE = {"dense_shape": [4]}
GLUE = {"data_dir": "a", "model_name_or_path": "t"}
RECORDS = {"root": "a"}
QUESTIONS = {"label_file": "a", "tokenizer": "t"}


def _drawn(base: dict[str, Any]) -> Fields:
    return {
        "low": (base, -1, 0),
        "high": (base, 1, [2]),
        "dtype": (base, "float32", ["int64"]),
    }


def _endless(base: dict[str, Any]) -> Fields:
    return {
        **_drawn(base),
        "label_shape": (base, 1, "1, 2"),
        "samples": (base, 5, 6),
    }


def _features() -> Fields:
    return {
        "root": (RECORDS, "a", "b"),
        "task": (RECORDS, "squad", "Classifier"),
        "model_type": (RECORDS, "bert", "distilbert"),
    }


FIELDS: dict[str, Fields] = {
    "parquet": ROWS,
    "jsonl": ROWS,
    "npy": {
        "path": ({}, "a", "b"),
        "inputs": (COLUMNS, "x", "z"),
        "label": (COLUMNS, "y", "z"),
    },
    "wav": {
        "path": ({}, "a", "b"),
        "rate": ({"path": "a"}, 8000, 16000),
        "length": ({"path": "a"}, 8000, 16000),
        "layout": ({"path": "a"}, "T", "CT"),
    },
    "dummy": {
        "shape": (SHAPE, [8, 4], "8, 5"),
        "label": (SHAPE, True, False),
        **_drawn(SHAPE),
    },
    "dummy_v2": {"input_shape": (INPUT, [4], [[5]]), **_endless(INPUT)},
    "sparse_dummy_v2": {
        "dense_shape": (DENSE, [4], [[5]]),
        "sparse_ratio": (DENSE, 0.5, [0.9]),
        **_endless(DENSE),
    },
    "GLUE": {
        "data_dir": (GLUE, "a", "b"),
        "model_name_or_path": (GLUE, "t", "u"),
        "max_seq_length": (GLUE, 8, 16),
        "do_lower_case": (GLUE, True, False),
        "task": (GLUE, "mrpc", "QQP"),
        "model_type": (GLUE, "bert", "roberta"),
        "dynamic_length": (GLUE, False, True),
        "evaluate": (GLUE, True, False),
    },
    "bert": {
        **_features(),
        "label_file": (QUESTIONS, "a", "b"),
        "tokenizer": (QUESTIONS, "t", "u"),
        "max_seq_length": (QUESTIONS, 384, 512),
        "doc_stride": (QUESTIONS, 128, 64),
        "max_query_length": (QUESTIONS, 64, 32),
        "do_lower_case": (QUESTIONS, True, False),
    },
    "mzbert": _features(),
}
"""Dataset → field → what is written beside it, and two values that differ."""
