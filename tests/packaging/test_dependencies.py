"""What is imported is declared, and what is tested fits what is declared."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
ADAPTERS = ROOT / "runtime" / "frameworks"
ENGINES = ROOT / "runtime" / "engines"
CLUSTERS = ("dask", "ray")
"""Extras of engines; the others are of frameworks."""
LOOKING = ROOT / "src/narrowcast/looking"
"""Reads a framework's files by the framework's own package, where that is installed."""

NAMED_OTHERWISE = {"google": "protobuf", "yaml": "pyyaml"}
"""Module → distribution, where it is not the module's own name."""

OUTDATED = {"mxnet": {"numpy"}}
"""Extra → what all of narrowcast imports, bounded for this framework."""


def imported(folder: Path, apart: Path | None = None) -> set[str]:
    """Distributions that modules below a folder import, wherever in them.

    Args:
        apart: A folder whose modules don't count.
    """
    files = (path for path in folder.rglob("*.py") if apart not in path.parents)
    found = {top for path in files for top in _tops(path)}
    others = found - {*sys.stdlib_module_names, "narrowcast"}
    return {NAMED_OTHERWISE.get(top, top).replace("_", "-") for top in others}


def _tops(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and node.args:
            named = ast.unparse(node.func) == "imported"
            if named and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def declared(requirements: list[str]) -> set[str]:
    return {Requirement(each).name.lower() for each in requirements}


def pinned() -> dict[str, Version]:
    """The versions that constraints.txt names."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {name: Version(version) for name, version in pins}


@pytest.mark.parametrize("extra", [each for each in EXTRAS if each not in CLUSTERS])
def test_an_extra_declares_what_its_adapter_imports(extra: str) -> None:
    own = declared(PROJECT["dependencies"])
    assert imported(ADAPTERS / extra) <= declared(EXTRAS[extra]) | own
    assert declared(EXTRAS[extra]) - OUTDATED.get(extra, set()) <= imported(
        ADAPTERS / extra
    )


def test_every_adapter_has_an_extra() -> None:
    folders = {path.parent.name for path in ADAPTERS.glob("*/program.py")}
    assert folders == EXTRAS.keys() - set(CLUSTERS)


@pytest.mark.parametrize("extra", CLUSTERS)
def test_an_engine_is_imported_by_its_module_alone(extra: str) -> None:
    others = {*sys.stdlib_module_names, "numpy"}
    tops = {path.stem: set(_tops(path)) - others for path in ENGINES.glob("*.py")}
    assert tops.pop(extra) == declared(EXTRAS[extra])
    assert not any(declared(EXTRAS[extra]) & found for found in tops.values())


def test_the_rest_is_declared_for_all() -> None:
    apart = (ADAPTERS, ENGINES)
    folders = [ROOT / name for name in ("spec", "codegen", "templates", "src")]
    folders += [path for path in (ROOT / "runtime").iterdir() if path not in apart]
    shared = {top for path in ADAPTERS.glob("*.py") for top in _tops(path)}
    assert shared <= {*sys.stdlib_module_names, "numpy"}
    found = {each for folder in folders for each in imported(folder, LOOKING)}
    assert found == declared(PROJECT["dependencies"])


def test_what_looks_into_models_is_one_of_the_extras() -> None:
    extras = set[str]().union(*map(declared, EXTRAS.values()))
    assert imported(LOOKING) <= extras | declared(PROJECT["dependencies"])


@pytest.mark.parametrize("name", pinned())
def test_a_tested_version_is_one_that_is_allowed(name: str) -> None:
    """By extras, and so by what scripts ask for."""
    asked = [each for extra in EXTRAS.values() for each in extra]
    of_it = [r for r in map(Requirement, asked) if r.name == name]
    assert of_it or name == "tensorflow-cpu"
    assert all(pinned()[name] in each.specifier for each in of_it)


def test_tested_versions_are_written_in_one_place() -> None:
    versions = re.compile("|".join(f"{name}==" for name in pinned()))
    for name in ("Makefile", "noxfile.py", "README.md", "CONTRIBUTING.md"):
        assert not versions.search((ROOT / name).read_text("utf-8")), name
