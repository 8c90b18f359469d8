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

from narrowcast.runtime.frameworks.onnx import weights
from narrowcast.runtime.graph import Precision

LARGE = Path(__file__).resolve().parents[2] / "benchmarks" / "onnx" / "large.py"

CONVERT = f"""
import json, runpy, sys
from pathlib import Path
from narrowcast.runtime.frameworks.onnx import agreement, archive, serial
agreement.LARGE = serial.LARGE = archive.LARGEST = 1 << 20
large = runpy.run_path({str(LARGE)!r})
print(json.dumps(large["convert"](Path(sys.argv[1]))))
"""


@pytest.mark.parametrize("inside", [False, True])
def test_a_large_model_is_never_in_memory_twice(tmp_path: Path, inside: bool) -> None:
    size, path = 200_000_000, tmp_path / "large.onnx"
    code = f"import runpy, sys; from pathlib import Path; runpy.run_path({str(LARGE)!r})['make'](Path(sys.argv[1]), {size}, {inside})"
    subprocess.run([sys.executable, "-c", code, path], check=True)
    made = subprocess.run(
        [sys.executable, "-c", CONVERT, path],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(made.stdout.splitlines()[-1])
    assert found["low"] == 1
    assert sorted(each.name for each in (tmp_path / "low").iterdir()) == [
        "large.onnx",
        "large.onnx.data",
    ]
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
