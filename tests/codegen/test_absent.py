"""A script where its runtime is not there, or NumPy: one line, exit code 3, one object."""

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

import narrowcast
from narrowcast import runtime
from narrowcast.runtime.common.telling.failures import Failure, failure_json

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "tests/cases/supplied_pytorch/spec.yaml"
COPY = "_narrowcast_runtime"
INSTALLING = "Install it: pip install 'narrowcast[pytorch]~=0.1.0'"
COPYING = "Make it anew: narrowcast generate SPEC --vendor"


@dataclass(frozen=True)
class Bare:
    """An environment in which nothing is installed, narrowcast's own modules at most."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, *paths: Path) -> "Bare":
        venv.create(folder, symlinks=True)
        (packages,) = folder.glob("lib/*/site-packages")
        (packages / "those.pth").write_text("\n".join(map(str, paths)))
        return cls(folder)

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = (self.folder / "bin/python", "-I", *arguments)
        return subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, env={}
        )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    made = Bare.make(tmp_path_factory.mktemp("empty") / "env")
    assert "'narrowcast'" in made.python("-c", "import narrowcast").stderr
    return made


@pytest.fixture(scope="module")
def without_numpy(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """It has narrowcast, and nothing else."""
    folder = tmp_path_factory.mktemp("without_numpy")
    home = Path(narrowcast.__path__[0]).parent
    made = Bare.make(folder / "env", home)
    assert made.python("-c", "import narrowcast").returncode == 0
    assert "'numpy'" in made.python("-c", "import numpy").stderr
    return made


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A script that imports what is installed, one with a copy, and one without it."""
    found = {}
    for kind in ("installed", "copied", "removed"):
        folder = tmp_path_factory.mktemp(kind)
        shutil.copy(SPEC, folder)
        option = "--no-vendor" if kind == "installed" else "--vendor"
        command = (sys.executable, "-m", "narrowcast", "generate", "spec.yaml", option)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        (found[kind],) = folder.glob("*.py")
    shutil.rmtree(found["removed"].with_name(COPY))
    return found


def is_told(bare: Bare, script: Path, message: str, remedy: str) -> None:
    said = f"error[NC702]: {message}. {remedy}\n"
    done = bare.python(script)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)
    told = bare.python(script, "--json")
    assert (told.returncode, told.stderr) == (3, said)
    failure = Failure("NC702", message, remedy)
    assert json.loads(told.stdout) == json.loads(failure_json(3, [failure]))


def test_narrowcast_is_not_installed(empty: Bare, scripts: dict[str, Path]) -> None:
    is_told(empty, scripts["installed"], "No module named 'narrowcast'", INSTALLING)


def test_the_copy_was_removed(
    empty: Bare, without_numpy: Bare, scripts: dict[str, Path]
) -> None:
    for bare in (empty, without_numpy):
        is_told(bare, scripts["removed"], f"No module named '{COPY}'", COPYING)


def test_a_part_of_the_copy_was_removed(
    empty: Bare, scripts: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(scripts["copied"].parent, tmp_path / "part")
    (tmp_path / "part" / COPY / "common/errors.py").unlink()
    script = tmp_path / "part" / scripts["copied"].name
    is_told(empty, script, f"No module named '{COPY}.common.errors'", COPYING)


@pytest.mark.parametrize("kind", ["installed", "copied"])
def test_numpy_is_not_installed(
    without_numpy: Bare, scripts: dict[str, Path], kind: str
) -> None:
    remedy = "Install it: pip install numpy"
    is_told(without_numpy, scripts[kind], "NumPy is not installed", remedy)


@pytest.mark.parametrize(
    "broken",
    ["import nothing_like_that", "from sys import nothing_like_that", "1 / 0"],
)
def test_another_error_is_not_hidden(
    empty: Bare, scripts: dict[str, Path], tmp_path: Path, broken: str
) -> None:
    """What is there fails for a reason of its own: Python tells it."""
    shutil.copytree(scripts["copied"].parent, tmp_path / "broken")
    script = tmp_path / "broken" / scripts["copied"].name
    (script.with_name(COPY) / "fitting.py").write_text(broken)
    done = empty.python(script)
    assert done.returncode == 1
    assert "NC702" not in done.stderr and "Traceback" in done.stderr
    assert "nothing_like_that" in done.stderr or "ZeroDivisionError" in done.stderr


def test_a_numpy_that_fails_is_not_called_absent(
    empty: Bare, scripts: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(scripts["copied"].parent, tmp_path / "broken")
    (tmp_path / "broken/numpy.py").write_text("import nothing_like_that")
    done = empty.python(tmp_path / "broken" / scripts["copied"].name)
    assert done.returncode == 1
    assert "No module named 'nothing_like_that'" in done.stderr
    assert "not installed" not in done.stderr


# The names that are imported when they are asked for


def test_the_names_of_the_runtime_are_all_there() -> None:
    for name in runtime.__all__:
        assert getattr(runtime, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        runtime.Nothing  # noqa: B018


def test_a_name_is_the_same_whatever_was_imported_before() -> None:
    """No module is called as a name that its package has."""
    code = (
        "import importlib, pkgutil, narrowcast.runtime as runtime\n"
        "for each in pkgutil.iter_modules(runtime.__path__):\n"
        "    importlib.import_module(f'narrowcast.runtime.{each.name}')\n"
        "assert all(getattr(runtime, n).__name__ == n for n in runtime.__all__)\n"
        "assert callable(runtime.command_line)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_without_numpy_says_what_to_install(without_numpy: Bare) -> None:
    done = without_numpy.python("-c", "from narrowcast.runtime import Run")
    last = (
        "MissingPackageError: NumPy is not installed\n  Install it: pip install numpy"
    )
    assert done.stderr.rstrip().endswith(last)


def test_what_is_known_without_numpy(without_numpy: Bare) -> None:
    code = (
        "import narrowcast.runtime.fitting, narrowcast.runtime.common.telling.failures\n"
        "import narrowcast.runtime.common.telling.progress\n"
        "from narrowcast.runtime.frameworks import pytorch, tensorflow, mxnet, onnx\n"
        "assert pytorch.executes\n"
    )
    done = without_numpy.python("-c", code)
    assert done.returncode == 0, done.stderr
