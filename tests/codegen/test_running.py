"""Generated scripts where no framework can be imported: help, and a remedy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parents[1] / "cases"
SCRIPTS = sorted(CASES.glob("*/expected/*.py"))

WITHOUT_TORCH = """\
import importlib.metadata
import sys


class WithoutTorch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def find_distributions(context=importlib.metadata.DistributionFinder.Context()):
    return iter(()) if context.name == "torch" else find(context)


find = importlib.metadata.MetadataPathFinder.find_distributions
importlib.metadata.MetadataPathFinder.find_distributions = find_distributions
sys.meta_path.insert(0, WithoutTorch)
"""


@pytest.fixture(scope="module")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of processes in which torch is not installed."""
    folder = tmp_path_factory.mktemp("without_torch")
    (folder / "sitecustomize.py").write_text(WITHOUT_TORCH)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)}


def python(
    environ: dict[str, str], *arguments: str, cwd: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "probe",
    ["import torch", "from importlib.metadata import version; version('torch')"],
)
def test_torch_is_out_of_reach(
    without_torch: dict[str, str], tmp_path: Path, probe: str
) -> None:
    assert python(without_torch, "-c", probe, cwd=tmp_path).returncode == 1


HELPS = """\
import contextlib, io, json, runpy, sys
from pathlib import Path

found = {}
for name in sys.argv[1:]:
    out, err, code = io.StringIO(), io.StringIO(), None
    sys.argv = [name, "--help"]
    sys.path.insert(0, str(Path(name).parent))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(name, run_name="__main__")
        except SystemExit as end:
            code = end.code
    sys.path.pop(0)
    found[name] = (code, out.getvalue(), err.getvalue())
print(json.dumps(found))
"""


def test_help_needs_no_framework(without_torch: dict[str, str], tmp_path: Path) -> None:
    """Of all scripts in one process: starting one costs more than the help does."""
    done = python(without_torch, "-c", HELPS, *map(str, SCRIPTS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == len(SCRIPTS) > 80
    for script in SCRIPTS:
        code, said, wrong = found[str(script)]
        assert (code, wrong) == (0, ""), script
        assert said.split()[:2] == ["usage:", script.name]
        for option in OPTIONS:
            assert option in said, script


OPTIONS = ("--output", "--plan", "--search", "--max-trials", "--timeout", "--json")


def is_refused(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "PyTorch 2.10 or later is not installed." in done.stderr
    assert "pip install 'narrowcast[pytorch]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", ["csv_images", "synthetic"])
def test_run_without_the_framework(
    without_torch: dict[str, str], tmp_path: Path, case: str
) -> None:
    (script,) = (path for path in SCRIPTS if path.parents[1].name == case)
    shutil.copy(script, tmp_path)
    is_refused(python(without_torch, script.name, cwd=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [script.name]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("case", "title", "extra"),
    [
        ("tensorflow_smallest", "TensorFlow", "tensorflow"),
        ("mxnet_symbol", "MXNet", "mxnet"),
        ("onnx_openvino", "OpenVINO", "onnx"),
        ("onnx_onnxruntime", "ONNX Runtime", "onnx"),
        ("onnx_any", "ONNX", "onnx"),
    ],
)
def test_each_framework_says_what_to_install(
    tmp_path: Path, case: str, title: str, extra: str
) -> None:
    (script,) = (path for path in SCRIPTS if path.parents[1].name == case)
    shutil.copy(script, tmp_path)
    done = python(dict(os.environ), script.name, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert f"{title} " in done.stderr
    assert " or later is not installed." in done.stderr
    assert f"pip install 'narrowcast[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_from_the_spec_without_the_framework(
    without_torch: dict[str, str], tmp_path: Path
) -> None:
    """`narrowcast run` hands on the script's exit code."""
    shutil.copy(CASES / "both_latency" / "spec.yaml", tmp_path)
    done = python(without_torch, "-m", "narrowcast", "run", "spec.yaml", cwd=tmp_path)
    is_refused(done)


def test_run_hands_options_to_the_script(
    without_torch: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(CASES / "both_latency" / "spec.yaml", tmp_path)
    arguments = ("-m", "narrowcast", "run", "spec.yaml", "--max-trials", "0")
    done = python(without_torch, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "argument --max-trials: " in done.stderr
