"""Which modules of the runtime a script needs: those that it imports, and what these do.

Read from the source, also within functions and for type checkers: adapters import their
members on demand by what they name there. Nothing of the runtime is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from .runtime import BESIDE, HOME, is_within


@cache
def home() -> Path:
    """The folder of the runtime of this narrowcast."""
    found = find_spec(HOME)
    assert found is not None and found.submodule_search_locations, "it is one package"
    return Path(found.submodule_search_locations[0])


@cache
def identity() -> str:
    """Tells this runtime from all others: 64 bits of a hash over every module."""
    digest = sha256()
    for path in sorted(home().rglob("*.py")):
        digest.update(f"{path.relative_to(home()).as_posix()}\0".encode())
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def needed_by(script: str) -> set[Path]:
    """Files of the runtime that a script needs which has a copy beside it.

    Returns:
        Paths relative to the runtime's folder. What this runtime has no more is not
        among them: the script is of another one.
    """
    tree = ast.parse(script)
    wanted = {
        module.removeprefix(BESIDE).lstrip(".")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and is_within(node.module or "", BESIDE)
        for module in _named(node.module or "", node)
    }
    return {path for name in _closure(wanted) if (path := _file(name)) is not None}


def _closure(modules: Iterable[str]) -> set[str]:
    """The modules, what they import, and the packages that they are in.

    Args:
        modules: Dotted names within the runtime, "" for itself.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting.append(name.rpartition(".")[0])
        waiting += _imports(name)
    return found


@cache
def _imports(name: str) -> tuple[str, ...]:
    """What a module imports of the runtime, where it may be a name in a module too."""
    path = _file(name)
    if path is None:
        return ()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    tree = ast.parse((home() / path).read_bytes())
    return tuple(
        module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for module in _named(_base(package, node), node)
    )


def _base(package: list[str], node: ast.ImportFrom) -> str:
    """The module that a relative import names."""
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])]).lstrip(".")


def _named(module: str, node: ast.ImportFrom) -> Iterator[str]:
    yield module
    yield from (f"{module}.{alias.name}".lstrip(".") for alias in node.names)


@cache
def _file(name: str) -> Path | None:
    """A module's file, relative to the runtime's folder; None if it is no module."""
    path = Path(*name.split("."))
    for each in (path / "__init__.py", path.with_suffix(".py") if name else path):
        if (home() / each).is_file():
            return each
    return None
