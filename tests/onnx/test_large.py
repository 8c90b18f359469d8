"""What is done for models of gigabytes, on one of megabytes that counts as large."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
from ml_dtypes import bfloat16

from narrowcast.runtime.frameworks.onnx.ir import weights
from narrowcast.runtime.graph.graph import Precision

LARGE = Path(__file__).resolve().parents[2] / "benchmarks" / "onnx" / "large.py"

MAKE = f"""
import runpy, sys
from pathlib import Path
large = runpy.run_path({str(LARGE)!r})
large["make"](Path(sys.argv[1]), int(sys.argv[2]), bool(int(sys.argv[3])))
"""

CONVERT = f"""
import json, runpy, sys
from pathlib import Path
from narrowcast.runtime.frameworks.onnx.ir import serialization
from narrowcast.runtime.frameworks.onnx.measuring import agreement
from narrowcast.runtime.frameworks.onnx.writing import archive
agreement.LARGE = serialization.LARGE = archive.LARGEST = 1 << 20
large = runpy.run_path({str(LARGE)!r})
large["convert"](Path(sys.argv[1]))  # loads OpenVINO
print(json.dumps(large["convert"](Path(sys.argv[2]))))
"""


def child(code: str, *arguments: object) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@pytest.mark.few(1)
@pytest.mark.parametrize("inside", [False, True])
def test_a_large_model_is_never_in_memory_twice(tmp_path: Path, inside: bool) -> None:
    small, path, size = (
        tmp_path / "a/small.onnx",
        tmp_path / "b/large.onnx",
        200_000_000,
    )
    for each, bytes_ in ((small, 2_000_000), (path, size)):
        each.parent.mkdir()
        child(MAKE, each, bytes_, int(inside))
    found = json.loads(child(CONVERT, small, path).splitlines()[-1])
    assert found["low"] == 1
    written = sorted(each.name for each in (path.parent / "low").iterdir())
    assert written == ["large.onnx", "large.onnx.data"]
    assert found["peak"] - found["before"] <= 1.5 * size / 1e9


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FP16])
def test_a_weight_is_rounded_in_parts_as_in_one(
    monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    values = np.random.default_rng(0).standard_normal((7, 11)).astype("f4") * 1e5
    values[0, :3] = np.inf, -np.inf, np.nan
    whole = weights.rounded_tensor(ir.tensor(values), precision).numpy()
    monkeypatch.setattr(weights, "AT_ONCE", 10)
    parts = weights.rounded_tensor(ir.tensor(values), precision).numpy()
    np.testing.assert_array_equal(parts.view("u2"), whole.view("u2"))
    dtype = bfloat16 if precision is Precision.BF16 else np.float16
    assert parts.shape == (7, 11) and parts.dtype == dtype
