"""Import lines in the order and form that ruff's isort rules ask for."""

from __future__ import annotations

from collections.abc import Iterable

from .code import Code
from .layout import WIDTH, Group, laid_out

Import = tuple[str, str]
"""(module, name) for `from module import name`; name "" for `import module`."""

STANDARD = frozenset({"collections", "functools", "pathlib", "sys", "typing"})
"""What scripts import of the standard library; Python's own list varies by version."""


def import_lines(wanted: Iterable[Import], indent: int = 0) -> Code:
    """`__future__`, then the standard library, then all else, sorted in each.

    Args:
        indent: Columns before each line but the first, which the caller places.
    """
    sections: dict[int, set[Import]] = {}
    for module, name in wanted:
        sections.setdefault(_section(module), set()).add((module, name))
    margin = "\n" + " " * indent
    blocks = [margin.join(_block(sections[k], indent)) for k in sorted(sections)]
    return Code(("\n" + margin).join(blocks))


def is_standard(one: Import) -> bool:
    """Whether it comes before what is installed."""
    return _section(one[0]) < 2


def _section(module: str) -> int:
    top = module.split(".")[0].split(" ")[0]
    if top == "__future__":
        return 0
    return 1 if top in STANDARD else 2


def _block(imports: set[Import], indent: int) -> list[str]:
    plain = sorted(module for module, name in imports if not name)
    names: dict[str, list[str]] = {}
    for module, name in imports:
        if name:
            names.setdefault(module, []).append(name)
    lines = [f"import {module}" for module in plain]
    for module in sorted(names):
        items = tuple(Code(name) for name in sorted(names[module], key=_by_type))
        flat = f"from {module} import {', '.join(items)}"
        if indent + len(flat) <= WIDTH:
            lines.append(flat)
        else:
            group = Group("(", items, ")")
            lines.append(laid_out(f"from {module} import ", group, indent))
    return lines


def _by_type(name: str) -> tuple[int, str]:
    """isort's order: CONSTANTS, Classes, functions."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[:1].isupper() else 2), name
