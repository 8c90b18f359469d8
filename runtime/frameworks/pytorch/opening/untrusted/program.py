"""An exported program's JSON, checked string by string before torch reads it.

torch builds Python source out of names, evaluates sizes and guards, imports what the
form of inputs and outputs names, and resolves targets below `torch`
(`torch/_export/serde/serialize.py`, `torch/fx/graph.py`, `torch/export/_unlift.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from typing import Any

from ....refusals import Damaged, Unsafe
from .expressions import check_expression
from .operators import check_operator

PLAIN = re.compile(r"[^\"'\\\x00-\x1f\x7f-\x9f\u2028\u2029]*")
"""Stays within the quotes that torch's generated source puts around it."""

Checks = Mapping[str, Callable[[str], None]]

FACTORIES = frozenset(["dict", "float", "int", "list", "set", "str", "tuple"])
"""Builtins that a defaultdict may be made with."""


def cleaned_program(data: bytes, device: str | None, known: Set[str]) -> bytes:
    """The program without what nobody needs to run it, on `device` (None: its own).

    `known` are operators that the caller answers for.

    Left out: guards (Python source), traces of the source and custom metadata.

    Raises:
        Unsafe: A string could run something, or there are custom objects.
        Damaged: It is no program.
    """
    program = parsed(data, "models/model.json")
    if not isinstance(program.get("graph_module"), dict):
        raise Damaged("is damaged: models/model.json is no program")
    program["guards_code"] = []
    operator = partial(check_operator, known=known)
    checks: Checks = {**CHECKS, "target": operator, "as_operator": operator}
    return json.dumps(_cleaned(program, "", device, checks)).encode()


def parsed(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        Damaged: It is something else.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"is damaged: {name} is no JSON") from error
    if not isinstance(found, dict):
        raise Damaged(f"is damaged: {name} is no JSON object")
    return found


def on_device(value: Mapping[str, Any], device: str | None) -> Mapping[str, Any]:
    """A device as torch writes it; `meta` stays what it is, and all do for None."""
    if device is None or value.get("type") == "meta":
        return value
    return {"type": device, "index": None}


def _cleaned(value: Any, key: str, device: str | None, checks: Checks) -> Any:
    match value:
        case dict() if key == "metadata":
            stack = value.get("nn_module_stack")
            return {"nn_module_stack": stack} if isinstance(stack, str) else {}
        case dict() if key in ("device", "as_device"):
            return on_device(value, device)
        case dict():
            for name, each in value.items():
                check_plain(name)
                if "custom_obj" in name and each:
                    raise Unsafe("it holds custom objects, which are unpickled")
            return {k: _cleaned(each, k, device, checks) for k, each in value.items()}
        case list():
            return [_cleaned(each, key, device, checks) for each in value]
        case str():
            checks.get(key, check_plain)(value)
    return value


def check_plain(text: str) -> None:
    """Raise Unsafe for text that would end a quoted string in generated source."""
    if PLAIN.fullmatch(text) is None:
        raise Unsafe(f"the name {text[:60]!r} would be part of generated source")


def _check_name(text: str) -> None:
    if text and not text.isidentifier():
        raise Unsafe(f"the name {text[:60]!r} would be generated as Python source")


def _check_inputs_tree(text: str) -> None:
    """The form of inputs: keywords, the second child, become variables."""
    tree = _tree(text)
    children = tree.get("children_spec") or [{}]
    for context in map(_context, children[1:]):
        for name in _strings(context):
            _check_name(name)
    _check_tree(tree)


def _check_outputs_tree(text: str) -> None:
    _check_tree(_tree(text))


def _tree(text: str) -> dict[str, Any]:
    try:
        _protocol, tree = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise Damaged("is damaged: the form of its inputs is no JSON") from error
    if not isinstance(tree, dict):
        raise Damaged("is damaged: the form of its inputs is no tree")
    return tree


def _check_tree(tree: Mapping[str, Any]) -> None:
    context = _context(tree)
    for each in _objects(context):
        made = (each.get("default_factory_module"), each.get("default_factory_name"))
        if "__enum__" in each or (
            "default_factory_module" in each
            and not (made[0] == "builtins" and made[1] in FACTORIES)
        ):
            raise Unsafe("the form of its inputs or outputs imports a module")
    for child in tree.get("children_spec") or []:
        if not isinstance(child, dict):
            raise Damaged("is damaged: the form of its inputs is no tree")
        _check_tree(child)


def _context(tree: Mapping[str, Any]) -> Any:
    """What torch reads a context as: JSON within a string, or plain text."""
    context = tree.get("context")
    try:
        return json.loads(context) if isinstance(context, str) else context
    except (ValueError, RecursionError):
        return context


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in _parts(value):
        yield from _objects(each)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in _parts(value):
        yield from _strings(each)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _any(text: str) -> None:
    """An argument's own text, which torch writes with repr()."""


CHECKS: Checks = {
    "expr_str": check_expression,
    "in_spec": _check_inputs_tree,
    "out_spec": _check_outputs_tree,
    "name": _check_name,
    "as_name": _check_name,
    "forward_arg_names": _check_name,
    "as_string": _any,
    "as_strings": _any,
}
"""Key → what its strings must be, but for operators; those of other keys are plain."""
