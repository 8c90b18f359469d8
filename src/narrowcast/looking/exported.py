"""PyTorch's `.pt2`: a zip archive, with the program as JSON in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from narrowcast.runtime.common.errors import ModelError

from .files import WHOLE, member, parsed
from .found import Found, Symbols, Tensor

DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16"}
DTYPES |= {7: "float32", 8: "float64", 12: "bool"}
"""PyTorch's numbers in these files → NumPy's names."""

SYMBOL = re.compile(r"Symbol\('(\w+)'|(\w+)$")
VALUES = ("as_int", "as_float", "as_bool")


def look(path: Path) -> Found:
    """The inputs, called as forward() calls them, and the outputs.

    Raises:
        ModelError: It is no exported program.
    """
    data = parsed(member(path, "/models/model.json"), path)
    try:
        module = data["graph_module"]
        names = tuple(_names(module))
        given = [s["user_input"]["arg"] for s in _specs(module, "input", "user_input")]
        if len(names) != len(given):
            names = tuple(_own(arg, row) for row, arg in enumerate(given))
        symbols, values = Symbols(), module["graph"]["tensor_values"]
        inputs = tuple(
            _input(name, arg, values, symbols)
            for name, arg in zip(names, given, strict=True)
        )
        return Found(inputs, tuple(_outputs(module)))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} is no exported program", WHOLE) from error


def _specs(module: Any, side: str, kind: str) -> list[Any]:
    return [s for s in module["signature"][f"{side}_specs"] if kind in s]


def _call(module: Any) -> Any:
    """How forward() is called."""
    return next(e for e in module["module_call_graph"] if e["fqn"] == "")["signature"]


def _names(module: Any) -> Iterator[str]:
    """The names of forward()'s arguments, and of what is in them: `batch.image`."""
    call = _call(module)
    (_version, spec) = json.loads(call["in_spec"])
    positional, by_name = spec["children_spec"]
    own = call.get("forward_arg_names") or []
    by_keyword = json.loads(by_name["context"] or "[]")
    arguments = [*positional["children_spec"], *by_name["children_spec"]]
    names = [*own[: len(positional["children_spec"])], *by_keyword]
    for name, argument in zip(names, arguments, strict=True):
        yield from _leaves(str(name), argument)


def _leaves(name: str, spec: Mapping[str, Any]) -> Iterator[str]:
    children = spec["children_spec"]
    if not children:
        yield name
        return
    keys: Any = range(len(children))
    if str(spec["type"]).endswith("dict"):
        keys = json.loads(spec["context"])
    for key, child in zip(keys, children, strict=True):
        yield from _leaves(f"{name}.{key}", child)


def _own(arg: Mapping[str, Any], row: int) -> str:
    tensor = arg.get("as_tensor")
    return str(tensor["name"]) if tensor else f"input_{row}"


def _input(
    name: str, arg: Mapping[str, Any], values: Mapping[str, Any], symbols: Symbols
) -> Tensor:
    if "as_tensor" not in arg:
        value = next((arg[kind] for kind in VALUES if kind in arg), None)
        return Tensor(name, value=(value,))
    meta = values[arg["as_tensor"]["name"]]
    sizes = [_size(s, axis, symbols) for axis, s in enumerate(meta["sizes"])]
    return Tensor(name, tuple(sizes), DTYPES.get(meta["dtype"], ""))


def _size(size: Mapping[str, Any], axis: int, symbols: Symbols) -> int | str:
    if "as_int" in size:
        return int(size["as_int"])
    text = str(size["as_expr"]["expr_str"])
    found = SYMBOL.match(text)
    return symbols.named(("symbol", found[0]) if found else text, axis)


def _outputs(module: Any) -> Iterator[str]:
    """The keys of the mapping that is returned, else numbers."""
    (_version, spec) = json.loads(_call(module)["out_spec"])
    count = len(_specs(module, "output", "user_output"))
    leaves = [name.removeprefix("output.") for name in _leaves("output", spec)]
    if len(leaves) == count and str(spec["type"]).endswith("dict"):
        yield from leaves
    else:
        yield from ["output"] if count == 1 else (f"output_{k}" for k in range(count))
