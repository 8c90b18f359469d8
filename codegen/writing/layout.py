"""Laying out source as ruff and black do: on one line, or one item per line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .code import Code, literal

WIDTH = 88


@dataclass(frozen=True)
class Group:
    """Source in brackets: a call, a tuple, an import list.

    Attributes:
        opening: What comes before the items, with the bracket: `Criterion(`.
        items: Source, or a prefix (`model=`) and a group.
        closing: The bracket.
        single: Written after a lone item on one line: "," for a tuple.
    """

    opening: str
    items: tuple[Item, ...]
    closing: str
    single: str = ""


Item = Code | tuple[str, Group]


def call(function: str, /, **arguments: Code | Group) -> Group:
    """A call with keyword arguments."""
    items = [_keyed(f"{name}=", value) for name, value in arguments.items()]
    return Group(f"{function}(", tuple(items), ")")


def tuple_of(items: Sequence[Code | Group]) -> Group:
    """A tuple; with one item it keeps its comma."""
    return Group("(", tuple(map(_item, items)), ")", single=",")


def list_of(items: Sequence[Code | Group]) -> Group:
    """A list."""
    return Group("[", tuple(map(_item, items)), "]")


def values(items: Sequence[object]) -> Group:
    """A tuple of literals."""
    return tuple_of([literal(item) for item in items])


def yaml_value(
    value: object, plain: Callable[[object], Code] = literal
) -> Code | Group:
    """A value from YAML, whose lists were read as tuples and are lists again here.

    Args:
        plain: Writes what is no list and no mapping.
    """
    if isinstance(value, tuple):
        return list_of([yaml_value(item, plain) for item in value])
    if isinstance(value, Mapping):
        rows = (
            _keyed(f"{literal(key)}: ", yaml_value(each, plain))
            for key, each in value.items()
        )
        return Group("{", tuple(rows), "}")
    return plain(value)


def _item(value: Code | Group) -> Item:
    return ("", value) if isinstance(value, Group) else value


def _keyed(key: str, value: Code | Group) -> Item:
    return (key, value) if isinstance(value, Group) else Code(f"{key}{value}")


def laid_out(before: str, group: Group, indent: int = 0, after: str = "") -> Code:
    """`before` and the group as source whose first line starts at `indent`.

    Args:
        after: What must still fit on the last line.
    """
    flat = before + _flat_group(group)
    if indent + len(flat) + len(after) <= WIDTH or not group.items:
        return Code(flat)
    inner = indent + 4
    lines = [before + group.opening]
    lines += [" " * inner + _placed(item, inner) + "," for item in group.items]
    lines.append(" " * indent + group.closing)
    return Code("\n".join(lines))


def wrapped(before: str, expression: Code, indent: int = 0) -> Code:
    """`before` and the expression, in parentheses where only that makes it fit."""
    flat = before + expression
    fits = indent + len(flat) <= WIDTH
    if fits or indent + 4 + len(expression) > WIDTH:
        return Code(flat)
    margin = "\n" + " " * indent
    return Code(f"{before}({margin}    {expression}{margin})")


def divided(before: str, left: Code, right: Code) -> Code:
    """`before` and `left / right`, broken before the operator where it is too long."""
    quotient = Code(f"{left} / {right}")
    if 4 + len(quotient) <= WIDTH:
        return wrapped(before, quotient)
    return Code(f"{before}(\n    {left}\n    / {right}\n)")


def _placed(item: Item, indent: int) -> str:
    """The item as source at `indent`, with a comma to come."""
    if isinstance(item, tuple):
        return laid_out(item[0], item[1], indent, ",")
    return item


def _flat(item: Item) -> str:
    return item[0] + _flat_group(item[1]) if isinstance(item, tuple) else item


def _flat_group(group: Group) -> str:
    items = [_flat(item) for item in group.items]
    single = group.single if len(items) == 1 else ""
    return group.opening + ", ".join(items) + single + group.closing
