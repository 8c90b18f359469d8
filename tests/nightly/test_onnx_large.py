"""A model that is larger than protobuf allows converts within 1.5 times its size; one within its limit in less than twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LARGE = Path(__file__).resolve().parents[2] / "benchmarks" / "onnx" / "large.py"


@pytest.mark.parametrize(
    ("arguments", "most"), [(["2.2"], 1.5), (["1.9", "--inside"], 1.7)]
)
def test_a_large_model_is_never_in_memory_twice(
    arguments: list[str], most: float
) -> None:
    """A file that holds its weights itself is written in one piece, which takes more."""
    made = subprocess.run(
        [sys.executable, LARGE, *arguments], check=True, capture_output=True, text=True
    )
    found = json.loads(made.stdout)
    assert found["low"] == 1 and found["saved"] < 0.51 * found["size"]
    assert found["peak"] <= most * found["size"]
