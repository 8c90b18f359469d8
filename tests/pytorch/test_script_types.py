"""Every golden script is well typed, seen with PyTorch's own types.

The other frameworks have no types of their own (`Any`); our adapters' are seen.
"""

import os
import site
import subprocess
import sys
from pathlib import Path

import narrowcast

UNTYPED = """\
[mypy]
[mypy-tensorflow.*,keras.*,mxnet.*,onnx.*,onnx_ir.*,onnxruntime.*,openvino.*]
ignore_missing_imports = True
"""
CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/expected"))


def test_mypy_is_content(tmp_path: Path) -> None:
    """One process for all; what a script imports of the user's is stubbed per case."""
    folders = [expected.parent for expected in CASES]
    package = Path(narrowcast.__file__).parents[1]
    if str(package) not in site.getsitepackages():
        folders.append(package)
    scripts = [script for expected in CASES for script in expected.glob("*.py")]
    config = tmp_path / "mypy.ini"
    config.write_text(UNTYPED)
    command = [sys.executable, "-m", "mypy", "--strict", f"--config-file={config}"]
    options = ["--follow-imports=silent", "--namespace-packages"]
    done = subprocess.run(
        [*command, *options, "--explicit-package-bases", *map(str, scripts)],
        env=os.environ | {"MYPYPATH": os.pathsep.join(map(str, folders))},
        capture_output=True,
        text=True,
    )
    assert len(scripts) >= 10
    assert done.returncode == 0, done.stdout + done.stderr
