"""What a symbol from anywhere may hold: checked before MXNet's own parser sees it.

MXNet's parser trusts indices, and operators can call back into Python, open files or
run code from libraries that were loaded before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .....common.errors import ModelError, UnsafeError
from ....listing import listed
from ...ir.quantized import nodes as fused

UNSAFE = listed(
    """
    Custom _CachedOp _CachedOpThreadSafe _CrossDeviceCopy _CustomFunction _NDArray
    _Native _npi_Custom reset_arrays
    """
)
"""They call Python, or memory by its address."""

UNSAFE_PARTS = ("imread", "imdecode", "_update", "tvm", "dgl", "TensorRT")
"""Operators with these in their names open files, decode images, or write into their
inputs."""

FUSED = ("_sg_", "_FusedOp")

PLAIN = "Save the symbol again: symbol.save, block.export."
MOST_BODIES = 64


def checked(data: Any, name: str, *, trust: bool) -> None:
    """Hold a symbol's JSON against what one may be.

    Raises:
        ModelError: It is no symbol, was changed for one backend, or, unless `trust`,
            holds operators that are not safe.
    """
    for each in _symbols(data, name):
        _check_form(each, name)
        for node in each["nodes"]:
            _check_operator(node, name, trust)


def parsed(text: str, name: str) -> Any:
    """A symbol's JSON.

    Raises:
        ModelError: It is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, ValueError) else "nested too deep"
        raise ModelError(f"{name} is no JSON: {said}", PLAIN) from error


def _symbols(data: Any, name: str) -> Iterator[Any]:
    """The symbol, and those of its control-flow operators."""
    waiting = [(data, 0)]
    while waiting:
        symbol, depth = waiting.pop()
        yield symbol
        if depth > MOST_BODIES:
            raise _no_symbol(name, f"bodies are nested deeper than {MOST_BODIES}")
        for node in symbol["nodes"]:
            bodies = node.get("subgraphs", [])
            if not isinstance(bodies, list):
                raise _no_symbol(name, f"`subgraphs` of {node['name']}")
            waiting += [(body, depth + 1) for body in bodies]


def _no_symbol(name: str, text: str) -> ModelError:
    return ModelError(f"{name} is no MXNet symbol: {text}", PLAIN)


def _check_form(symbol: Any, name: str) -> None:
    if not isinstance(symbol, dict) or not isinstance(symbol.get("nodes"), list):
        raise _no_symbol(name, "it has no list of nodes")
    nodes = symbol["nodes"]
    for index, node in enumerate(nodes):
        _check_node(node, index, name)
    _check_entries(symbol.get("heads"), len(nodes), name, "heads")
    if not symbol["heads"]:
        raise _no_symbol(name, "it has no outputs")
    _check_indices(symbol.get("arg_nodes", []), len(nodes), name, "arg_nodes")


def _check_node(node: Any, index: int, name: str) -> None:
    if not isinstance(node, dict):
        raise _no_symbol(name, f"node {index} is no object")
    if not isinstance(node.get("op"), str) or not isinstance(node.get("name"), str):
        raise _no_symbol(name, f"node {index} has no operator or no name")
    for attrs in (node.get(key, {}) for key in ("attrs", "attr", "param")):
        if not isinstance(attrs, dict) or not all(
            isinstance(text, str) for pair in attrs.items() for text in pair
        ):
            raise _no_symbol(name, f"attributes of {node['name']} are no texts")
    _check_entries(node.get("inputs"), index, name, node["name"])
    _check_indices(node.get("control_deps", []), index, name, node["name"])


def _check_entries(entries: Any, end: int, name: str, where: str) -> None:
    """Only nodes before the one that takes them: no cycles, nothing out of bounds."""
    fits = isinstance(entries, list) and all(
        isinstance(entry, list)
        and 2 <= len(entry) <= 3
        and all(type(number) is int for number in entry)
        and 0 <= entry[0] < end
        and 0 <= entry[1] < 2**16
        for entry in entries
    )
    if not fits:
        raise _no_symbol(name, f"inputs of {where} are no nodes before it")


def _check_indices(indices: Any, end: int, name: str, where: str) -> None:
    fits = isinstance(indices, list) and all(
        type(index) is int and 0 <= index < end for index in indices
    )
    if not fits:
        raise _no_symbol(name, f"{where} refers to nodes that are not there")


def _check_operator(node: Any, name: str, trust: bool) -> None:
    op = node["op"]
    if op.startswith(FUSED) and not (op in fused.FUSED and fused.fits(node)):
        raise ModelError(
            f"{name} was changed for one backend already: {node['name']} is {op}",
            "Convert the fp32 symbol that it was made from.",
        )
    if not trust and (op in UNSAFE or any(part in op for part in UNSAFE_PARTS)):
        raise UnsafeError(
            f"{name} is not safe to open: {node['name']} is {op}, which runs code or "
            "opens files",
            "If you trust its source, write `trust: true` beside model.path.",
        )
