"""`uv run` of a script: its first lines name what it needs, in a folder of wheels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from one_model_onnx import written

ROOT = Path(__file__).parents[2]
SPEC = """
model: {name: net, framework: onnx, runtime: onnxruntime, path: net.onnx}
mixed_precision: {precisions: fp16}
"""


def python(*arguments: str | Path, cwd: Path = ROOT) -> None:
    subprocess.run([sys.executable, "-m", *arguments], cwd=cwd, check=True)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """narrowcast's own, and all that a script with ONNX Runtime needs."""
    folder = tmp_path_factory.mktemp("wheels")
    python("pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    (ours,) = folder.glob("narrowcast-*.whl")
    options = ("-q", "--only-binary=:all:", "-c", "constraints.txt", "-d", folder)
    python("pip", "download", *options, f"{ours}[onnx]")
    return folder


@pytest.mark.parametrize("vendor", ["--no-vendor", "--vendor"])
def test_a_script_is_run(wheels: Path, tmp_path: Path, vendor: str) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    written(tmp_path).rename(tmp_path / "net.onnx")
    python("narrowcast", "generate", "spec.yaml", vendor, cwd=tmp_path)
    options = ["--offline", "--no-index", "--no-config", f"--find-links={wheels}"]
    environ = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "FORCE_FP16": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_PYTHON": sys.executable,
    }
    done = subprocess.run(
        [sys.executable, "-m", "uv", "run", *options, "convert_net.py"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "100.0% of FLOPs and 13 of 13 ops in fp16" in done.stdout
    assert (tmp_path / "net.fp16.onnx").exists()
    installed = {path.name for path in (tmp_path / "cache").rglob("narrowcast")}
    assert bool(installed) == (vendor == "--no-vendor")
