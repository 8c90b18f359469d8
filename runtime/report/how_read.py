"""How a script reads its data: its own `dataset`, `prepare` and `batches`, in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

MOST = 300
"""Characters of a step; the script has all."""


def how_read(script: Path) -> tuple[str, ...]:
    """Sentences; none of a script that can't be read, or has no dataset."""
    try:
        body = ast.parse(script.read_text("utf-8")).body
    except (OSError, ValueError, SyntaxError):
        return ()
    functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    constants = {
        each.targets[0].id: each.value
        for each in body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    }
    return tuple(_sentences(functions, constants))


def _sentences(
    functions: dict[str, ast.FunctionDef], constants: dict[str, ast.expr]
) -> Iterator[str]:
    dataset, batches = functions.get("dataset"), functions.get("batches")
    if dataset is not None:
        made = next((_code(each.value) for each in _returned(dataset)), "")
        said = (ast.get_docstring(dataset) or "").partition("\n")[0].rstrip(".")
        yield f"data: {said}: {made}" if made else f"data: {said}"
    prepared = functions.get("prepare")
    if prepared is not None:
        yield from _steps("each sample", prepared.body)
    if batches is None:
        return
    loop = next((each for each in batches.body if isinstance(each, ast.For)), None)
    if loop is None:
        return
    yield from _steps("each batch", loop.body)
    call = loop.iter.func if isinstance(loop.iter, ast.Call) else None
    if isinstance(loop.iter, ast.Call) and getattr(call, "attr", "") == "batches":
        yield _batched(loop.iter, constants)


def _returned(function: ast.FunctionDef) -> Iterator[ast.Return]:
    return (
        each
        for each in function.body
        if isinstance(each, ast.Return) and each.value is not None
    )


def _steps(what: str, body: list[ast.stmt]) -> Iterator[str]:
    """What is assigned but for what is handed over; conversions are no transforms."""
    steps = [
        _code(each)
        for each in body
        if isinstance(each, ast.Assign) and _code(each.targets[0]) != "inputs"
    ]
    if steps:
        yield f"{what}: {'; '.join(steps)}"


def _batched(call: ast.Call, constants: dict[str, ast.expr]) -> str:
    """Size, order and last batch of what `batches` was called with."""
    given = {each.arg: each.value for each in call.keywords if each.arg}
    size = _code(call.args[0]) if call.args else "?"
    seed = given.get("shuffle")
    if isinstance(seed, ast.Name):
        seed = constants.get(seed.id, seed)
    order = "in order" if seed is None else f"shuffled with seed {_code(seed)}"
    kept = given.get("keep_last")
    dropped = isinstance(kept, ast.Constant) and kept.value is False
    last = "left out" if dropped else "judged too"
    limit = given.get("limit")
    first = "" if limit is None else f", the first {_code(limit)} samples"
    return f"batches of {size}, {order}{first}; a last one that is smaller is {last}"


def _code(node: ast.AST | None) -> str:
    line = "" if node is None else " ".join(ast.unparse(node).split())
    return line if len(line) <= MOST else f"{line[:MOST]}…"
