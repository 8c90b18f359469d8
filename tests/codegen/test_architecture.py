"""Who may import whom, what an import costs, and what packaging must know of it."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

import pytest

import narrowcast
from narrowcast.codegen.frameworks import FRAMEWORKS as SCRIPTED
from narrowcast.codegen.frameworks.framework import PYTHON
from narrowcast.runtime.common.version import VERSION
from narrowcast.runtime.hardware.answers import FRAMEWORKS

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "narrowcast": "src/narrowcast",
    "narrowcast.spec": "spec",
    "narrowcast.codegen": "codegen",
    "narrowcast.templates": "templates",
    "narrowcast.runtime": "runtime",
}
UPSTREAM = {
    "narrowcast.spec": {"narrowcast.spec"},
    "narrowcast.codegen": {"narrowcast.__version__", "narrowcast.spec"},
    "narrowcast.templates": set(),
    "narrowcast.runtime": set(),
}
"""Part → what of narrowcast it may import beside itself."""

ADAPTERS = {
    "narrowcast.runtime.frameworks.pytorch": ({"torch"}, {"safetensors"}),
    "narrowcast.runtime.frameworks.tensorflow": (
        {"tensorflow", "google", "ml_dtypes", "keras", "h5py"},
        set[str](),
    ),
    "narrowcast.runtime.frameworks.mxnet": ({"mxnet"}, set[str]()),
    "narrowcast.runtime.frameworks.onnx": (
        {"onnx", "onnx_ir", "google", "ml_dtypes"},
        {"openvino", "onnxruntime"},
    ),
    "narrowcast.runtime.frameworks.onnx.openvino": ({"openvino"}, set[str]()),
    "narrowcast.runtime.frameworks.onnx.onnxruntime": ({"onnxruntime"}, set[str]()),
    "narrowcast.runtime.frameworks.onnx.running.reference": (
        {"onnxruntime"},
        set[str](),
    ),
}
"""Adapter → what it may import, and what only within functions."""

HEAVY = ("torch", "scipy", "pydantic", "jinja2", "yaml", "typer", "rich")


def modules(package: str) -> list[tuple[str, Path]]:
    """Dotted names and files of a part's modules."""
    folder = ROOT / FOLDERS[package]
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found.append((".".join((package, *parts)), path))
    return found


def imports(name: str, path: Path, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Absolute dotted names that the nodes import."""
    package = name.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported; for type checkers only does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from outside_functions(child)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def adapters(name: str) -> list[tuple[set[str], set[str]]]:
    """What the adapter that a module belongs to may import."""
    return [known for package, known in ADAPTERS.items() if is_within(name, package)]


@pytest.mark.parametrize("package", UPSTREAM)
def test_imports_point_one_way(package: str) -> None:
    """spec ← codegen ← cli; runtime and templates know none of them."""
    allowed = {package} | UPSTREAM[package]
    for name, path in modules(package):
        for imported in imports(
            name, path, ast.walk(ast.parse(path.read_text("utf-8")))
        ):
            if is_within(imported, "narrowcast"):
                assert any(is_within(imported, one) for one in allowed), name


def test_runtime_is_imported_with_numpy_alone() -> None:
    """Frameworks only in their adapters, SciPy in the function that uses it."""
    allowed = {*sys.stdlib_module_names, "narrowcast", "numpy"}
    for name, path in modules("narrowcast.runtime"):
        known = allowed.union(*(always for always, _ in adapters(name)))
        tree = ast.parse(path.read_text("utf-8"))
        tops = {
            n.partition(".")[0] for n in imports(name, path, outside_functions(tree))
        }
        assert tops <= known, name


def test_runtime_imports_nothing_else_within_functions() -> None:
    allowed = {*sys.stdlib_module_names, "narrowcast", "numpy", "scipy"}
    for name, path in modules("narrowcast.runtime"):
        known = allowed.union(*(a | within for a, within in adapters(name)))
        tree = ast.parse(path.read_text("utf-8"))
        tops = {n.partition(".")[0] for n in imports(name, path, ast.walk(tree))}
        assert tops <= known, name


def loaded_by(code: str, cwd: Path) -> set[str]:
    """The heavy packages that a fresh process has loaded after the code."""
    report = "\nimport sys; print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code + report],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(HEAVY) & set(done.stderr.splitlines()[-1].split())


def cli(*arguments: str) -> str:
    return f"""
import sys
sys.argv = {["narrowcast", *arguments]!r}
from narrowcast.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def test_probe_sees_what_is_loaded(tmp_path: Path) -> None:
    assert loaded_by("import yaml, jinja2", tmp_path) == {"yaml", "jinja2"}


def test_narrowcast_itself_loads_nothing(tmp_path: Path) -> None:
    assert loaded_by("import narrowcast", tmp_path) == set()


def test_runtime_loads_nothing_heavy(tmp_path: Path) -> None:
    assert loaded_by("import narrowcast.runtime", tmp_path) == set()


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_loads_only_the_command_line(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert loaded_by(cli(*arguments), tmp_path) <= {"typer", "rich"}


def test_generate_loads_no_framework(tmp_path: Path) -> None:
    spec = ROOT / "tests/cases/csv_images/spec.yaml"
    (tmp_path / "spec.yaml").write_bytes(spec.read_bytes())
    loaded = loaded_by(cli("generate", "spec.yaml"), tmp_path)
    assert loaded >= {"pydantic", "jinja2", "yaml"}
    assert not loaded & {"torch", "scipy"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_packaging_knows_every_template(project: dict[str, Any]) -> None:
    data = project["tool"]["setuptools"]["package-data"]
    folder = ROOT / "templates"
    packaged = {
        path for glob in data["narrowcast.templates"] for path in folder.glob(glob)
    }
    files = {path for path in folder.rglob("*") if path.is_file()}
    assert packaged == {path for path in files if path.suffix not in {".py", ".pyc"}}


def test_every_package_folder_has_an_init() -> None:
    for package in FOLDERS:
        for _name, path in modules(package):
            assert (path.parent / "__init__.py").exists(), path


def test_versions_agree() -> None:
    assert narrowcast.__version__ == VERSION


def test_lowest_frameworks_agree(project: dict[str, Any]) -> None:
    """The script's requirement, the runtime's table and the extra say one version."""
    extras = project["project"]["optional-dependencies"]
    for framework in SCRIPTED.values():
        distribution, _, lowest = framework.lowest.partition(">=")
        ours = FRAMEWORKS[distribution]
        assert (ours.lowest, ours.extra) == (lowest, framework.extra)
        assert ours.title == framework.title or framework.title == "TensorRT"
        assert framework.lowest in extras[framework.extra]
    lowest = {each.lowest.partition(">=")[0] for each in SCRIPTED.values()}
    assert lowest == set(FRAMEWORKS)


def test_extras_ask_for_what_is_executed(project: dict[str, Any]) -> None:
    """MXNet 1.9 names types that NumPy 1.24 has no more."""
    assert "numpy<1.24" in project["project"]["optional-dependencies"]["mxnet"]


def test_python_versions_agree(project: dict[str, Any]) -> None:
    assert project["project"]["requires-python"] == PYTHON
