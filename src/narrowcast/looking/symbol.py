"""MXNet's `-symbol.json`: JSON of nodes, the variables among them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import ModelError

from .files import WHOLE, parsed, small
from .found import Found, Tensor

PARAMETERS = (
    *("_weight", "_bias", "_gamma", "_beta", "_running_mean", "_running_var"),
    *("_moving_mean", "_moving_var", "_alpha", "_parameters", "_state", "_state_cell"),
)
LABEL = "_label"
SHAPES = (
    "A symbol may not say shapes. Without data that has one, write it, as in "
    "{name: data, shape: [batch, 3, 224, 224]}."
)
LOSSES = ("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput")
DTYPES = {"0": "float32", "1": "float64", "2": "float16", "3": "uint8", "4": "int32"}
DTYPES |= {"5": "int8", "6": "int64", "7": "bool"}


def look(path: Path) -> Found:
    """The variables that are no parameters, and the heads.

    Raises:
        ModelError: It is no symbol.
    """
    data = parsed(small(path), path)
    try:
        nodes = data["nodes"]
        inputs = tuple(_tensor(node) for node in nodes if _is_input(node))
        outputs = tuple(_output(nodes[row], place) for row, place, *_ in data["heads"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is no symbol of MXNet's", WHOLE) from error
    stem = path.name.removesuffix("-symbol.json")
    params = sorted(path.parent.glob(f"{_literal(stem)}-[0-9]*.params"))
    weights = params[-1].name if params else f"{stem}-0000.params"
    unsure = ["What is an input is told from the names of the symbol's variables."]
    if any(each.shape is None for each in inputs):
        unsure.append(SHAPES)
    if not params:
        unsure.append(f"There is no {stem}-*.params beside the symbol: name the file.")
    return Found(inputs, outputs, {"weights": weights}, tuple(unsure))


def _literal(stem: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in stem)


def _is_input(node: Mapping[str, Any]) -> bool:
    name, attributes = str(node["name"]), _attributes(node)
    if node["op"] != "null" or "__init__" in attributes:
        return False
    return not name.endswith((*PARAMETERS, LABEL))


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = node.get("attrs") or node.get("attr") or node.get("param") or {}
    return found if isinstance(found, Mapping) else {}


def _tensor(node: Mapping[str, Any]) -> Tensor:
    attributes = _attributes(node)
    dtype = DTYPES.get(str(attributes.get("__dtype__")), "")
    return Tensor(str(node["name"]), _shape(attributes.get("__shape__")), dtype)


def _shape(text: object) -> tuple[int | str, ...] | None:
    """A shape that is written like a tuple; sizes of 0 are not known."""
    if not isinstance(text, str) or len(text) > 200:
        return None
    try:
        sizes: Sequence[Any] = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    whole = isinstance(sizes, tuple) and all(type(s) is int and s > 0 for s in sizes)
    return tuple(sizes) if whole and sizes else None


def _output(node: Mapping[str, Any], place: int) -> str:
    name = f"{node['name']}_output"
    return name if not place else f"{name}{place}"
