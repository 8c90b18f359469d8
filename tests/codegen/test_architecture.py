"""Who may import whom, what an import costs, and what packaging must know of it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

import narrowcast
from narrowcast.codegen.frameworks import FRAMEWORKS as SCRIPTED
from narrowcast.runtime.common.version import VERSION
from narrowcast.runtime.hardware.answers import FRAMEWORKS
from narrowcast.runtime.hardware.versions import required
from narrowcast.spec.releases.frameworks import PYTHON

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "narrowcast": "src/narrowcast",
    "narrowcast.spec": "spec",
    "narrowcast.codegen": "codegen",
    "narrowcast.templates": "templates",
    "narrowcast.runtime": "runtime",
}
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
    "narrowcast.runtime.frameworks.onnx.running.ort_session": (
        {"onnxruntime"},
        set[str](),
    ),
    "narrowcast.runtime.engines.dask": (set[str](), {"distributed"}),
    "narrowcast.runtime.engines.ray": (set[str](), {"ray"}),
}
"""Adapter, of a framework or an engine → what it may import, and what only within functions."""

HEAVY = ("torch", "scipy", "pydantic", "jinja2", "yaml", "typer", "rich")


def modules(package: str) -> list[tuple[str, Path]]:
    """Dotted names and files of a part's modules."""
    folder = ROOT / FOLDERS[package]
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found.append((".".join((package, *parts)), path))
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


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


def table(number: int) -> dict[str, set[str]]:
    """Folder → what it may import, from one of the two tables in docs/architecture.md."""
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    rows = text.split("| floor | folder | holds | imports |\n")[number].splitlines()
    cells = [row.strip("|").split("|") for row in takewhile(bool, rows[1:])]
    return {CODE.findall(row[1])[0]: {*CODE.findall(row[3])} for row in cells}


CODE = re.compile(r"`([^`]+)`")
PARTS, ROOMS = table(1), table(2)


def part(name: str) -> str:
    """The row of the first table that a module of narrowcast belongs to."""
    package = next(p for p in sorted(FOLDERS, reverse=True) if is_within(name, p))
    folder = "/".join((FOLDERS[package], *name.removeprefix(package).split(".")[1:]))
    rows = [row for row in PARTS if is_within(folder.replace("/", "."), dotted(row))]
    return max(rows, key=len)


def dotted(folder: str) -> str:
    return folder.replace("/", ".")


def room(name: str) -> tuple[str, str]:
    """An adapter and the row of the second table that one of its modules belongs to.

    What stands beside an adapter's rooms is its `__init__`, ONNX's runtimes too.
    """
    adapter, _, inner = name.removeprefix(f"{SHARED}.").partition(".")
    first = inner.partition(".")[0]
    return adapter, first if first in ROOMS else "__init__"


SHARED = "narrowcast.runtime.frameworks"
OWN = ("pytorch", "tensorflow", "mxnet", "onnx")


def is_adapters(name: str) -> bool:
    return any(is_within(name, f"{SHARED}.{adapter}") for adapter in OWN)


@cache
def arrows() -> tuple[tuple[str, str], ...]:
    """Which module imports which, in all of narrowcast; also within functions."""
    return tuple(_arrows())


def _arrows() -> Iterator[tuple[str, str]]:
    known = {name for package in FOLDERS for name, _path in modules(package)}
    known |= {name.removesuffix(".__init__") for name in known}
    for package in FOLDERS:
        for name, path in modules(package):
            tree = parsed(path)
            for imported in imports(name, path, ast.walk(tree)):
                if is_within(imported, "narrowcast"):
                    target = (
                        imported if imported in known else imported.rpartition(".")[0]
                    )
                    yield name.removesuffix(".__init__"), target


def test_the_tables_are_read() -> None:
    assert PARTS["runtime/graph"] == {"runtime/common"}
    assert "ir" in ROOMS["running"]
    assert set(PARTS) >= {"spec", "codegen", "templates", "runtime", "src/narrowcast"}


def test_imports_go_down_from_floor_to_floor() -> None:
    """As docs/architecture.md says; what adapters share knows none of them."""
    wrong = {
        (one, other)
        for one, other in arrows()
        if part(one) != part(other)
        and not any(is_within(dotted(part(other)), dotted(p)) for p in PARTS[part(one)])
    }
    assert {each for each in wrong if each[1] != "narrowcast"} == set()


def test_rooms_of_an_adapter_import_downwards() -> None:
    for one, other in arrows():
        if not is_adapters(other) or not is_within(one, SHARED):
            continue
        assert is_adapters(one), (one, other)
        adapter, here = room(one)
        assert adapter == room(other)[0], (one, other)
        there = room(other)[1]
        assert here == there or there in ROOMS[here], (one, other)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {one: set[str]() for one, _other in arrows()}
    for one, other in arrows():
        graph[one] |= {other} - {one}
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_folders_and_modules_are_small() -> None:
    """A dozen files and 300 lines, so that a reader finds what there is."""
    for package in FOLDERS:
        folders = Counter(path.parent for _name, path in modules(package))
        assert [f for f, files in folders.items() if files > 12] == []
        for _name, path in modules(package):
            assert len(path.read_text("utf-8").splitlines()) <= 300, path


def test_runtime_is_imported_with_numpy_alone() -> None:
    """Frameworks only in their adapters, SciPy in the function that uses it."""
    allowed = {*sys.stdlib_module_names, "narrowcast", "numpy"}
    for name, path in modules("narrowcast.runtime"):
        known = allowed.union(*(always for always, _ in adapters(name)))
        tree = parsed(path)
        tops = {
            n.partition(".")[0] for n in imports(name, path, outside_functions(tree))
        }
        assert tops <= known, name


def test_runtime_imports_nothing_else_within_functions() -> None:
    allowed = {*sys.stdlib_module_names, "narrowcast", "numpy", "scipy"}
    for name, path in modules("narrowcast.runtime"):
        known = allowed.union(*(a | within for a, within in adapters(name)))
        tree = parsed(path)
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


def test_the_python_api_loads_no_framework(tmp_path: Path) -> None:
    """Nor what reads specs, before there is one."""
    code = "from narrowcast import MixedPrecision, common; MixedPrecision()"
    assert loaded_by(code, tmp_path) == set()


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


def test_lowest_frameworks_agree() -> None:
    """The script's requirement and the runtime's table say one version."""
    found = set()
    for framework in SCRIPTED.values():
        distribution, lowest, below = required(framework.releases.framework)
        ours = FRAMEWORKS[distribution]
        assert (ours.lowest, ours.extra) == (lowest, framework.extra)
        assert ours.title == framework.title or framework.title == "TensorRT"
        assert below
        found.add(distribution)
    assert found == set(FRAMEWORKS)


def test_python_versions_agree(project: dict[str, Any]) -> None:
    assert project["project"]["requires-python"] == PYTHON
