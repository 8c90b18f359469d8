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


def look(path: Path) -> Found:
    """The inputs, called as forward() calls them, and the outputs.

    Raises:
        ModelError: It is no exported program.
    """
    data = parsed(member(path, "/models/model.json"), path)
    try:
        module = data["graph_module"]
        names = tuple(_names(module))
        given = tuple(_arguments(module))
        symbols, values = Symbols(), module["graph"]["tensor_values"]
        # What is no tensor is a constant of the program, and no input of it.
        inputs = tuple(
            _input(name, values[tensor], symbols)
            for name, tensor in zip(names, given, strict=True)
            if tensor
        )
        return Found(inputs, tuple(_outputs(module)))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} is no exported program", WHOLE) from error


def _arguments(module: Any) -> Iterator[str]:
    """The tensor of each argument, "" for one that is none."""
    for spec in module["signature"]["input_specs"]:
        if "user_input" in spec:
            yield str(spec["user_input"]["arg"].get("as_tensor", {}).get("name", ""))
        elif "constant_input" in spec:
            yield ""


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


def _input(name: str, meta: Mapping[str, Any], symbols: Symbols) -> Tensor:
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
    outputs = module["signature"]["output_specs"]
    count = sum("user_output" in each for each in outputs)
    leaves = [name.removeprefix("output.") for name in _leaves("output", spec)]
    if len(leaves) == count and str(spec["type"]).endswith("dict"):
        yield from leaves
    else:
        yield from ["output"] if count == 1 else (f"output_{k}" for k in range(count))
