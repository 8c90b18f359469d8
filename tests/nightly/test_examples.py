"""The larger examples, from their packages to the committed plans' scores; `--adapters`
says which framework's."""

from __future__ import annotations

from pathlib import Path

import pytest
from committed import Example, check

EXAMPLES = {
    "pytorch": (Example("faces", "faces.yaml", "faces", 0.995),),
    "tensorflow": (
        Example("fashion_mnist", "fashion.yaml", "fashion", 0.88),
        Example("basic_pitch", "pitch_tensorflow.yaml", "pitch_tensorflow", 1.0),
    ),
    "onnx": (Example("basic_pitch", "pitch_onnx.yaml", "pitch_onnx", 1.0),),
    "mxnet": (Example("japanese_vowels", "vowels.yaml", "vowels", 0.92),),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    named = str(metafunc.config.getoption("--adapters") or "").split(",")
    chosen = [each for name in named for each in EXAMPLES.get(name, ())]
    metafunc.parametrize("example", chosen, ids=lambda each: each.name)


def test_the_committed_plan_is_replayed(example: Example, tmp_path: Path) -> None:
    check(example, tmp_path)
