"""What is installed: one top-level name, from a wheel and from an editable install."""

import importlib.util
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUBPACKAGES = ("spec", "codegen", "templates", "runtime")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"]
    options = ["--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run([*command, *options], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_has_one_top_level_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"narrowcast"}


def test_wheel_holds_every_source_file(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"narrowcast/{path.relative_to(ROOT).as_posix()}"
        for folder in SUBPACKAGES
        for pattern in ("*.py", "*.j2")
        for path in (ROOT / folder).rglob(pattern)
    }
    assert wanted <= held
    assert "narrowcast/py.typed" in held


def test_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*install, "--target", str(tmp_path), str(wheel)], check=True)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import narrowcast, importlib;"
        "[importlib.import_module('narrowcast.' + n) for n in sys.argv[2:]];"
        "from narrowcast.cli import app; print(narrowcast.__file__)"
    )
    command = [sys.executable, "-I", "-c", code, str(tmp_path), *SUBPACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))


def test_editable_install_leaks_no_other_name() -> None:
    script = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    command = [sys.executable, "-I", "-c", script, *SUBPACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_console_script_and_module_are_the_same() -> None:
    (entry,) = [
        point
        for point in distribution("narrowcast").entry_points
        if point.group == "console_scripts"
    ]
    assert (entry.name, entry.value) == ("narrowcast", "narrowcast.__main__:main")
    command = [sys.executable, "-m", "narrowcast", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"narrowcast {distribution('narrowcast').version}\n"
    assert importlib.util.find_spec("narrowcast.runtime") is not None
