"""A script's imports of the runtime, from the package that this script has it in."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..writing.imports import import_lines
from .runtime import HOME, is_within


def rehomed(text: str, package: str) -> str:
    """The source with each import of the runtime from the package, laid out anew."""
    if package == HOME:
        return text
    lines = text.split("\n")
    for node in sorted(_of_runtime(ast.parse(text)), key=_line, reverse=True):
        module = package + (node.module or "").removeprefix(HOME)
        wanted = ((module, ast.unparse(name)) for name in node.names)
        block = " " * node.col_offset + import_lines(wanted, node.col_offset)
        lines[node.lineno - 1 : node.end_lineno] = block.split("\n")
    return "\n".join(lines)


def _of_runtime(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and is_within(node.module or "", HOME):
            yield node


def _line(node: ast.ImportFrom) -> int:
    return node.lineno
