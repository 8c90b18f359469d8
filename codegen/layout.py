"""Laying out source as ruff and black do: on one line, or one item per line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .code import Code, literal

WIDTH = 88


@dataclass(frozen=True, slots=True)
class Group:
    """Source in brackets: a call, a tuple, an import list.

    Attributes:
        opening: What comes before the items, with the bracket: `Criterion(`.
        items: Source, or a prefix (`model=`) and a group.
        closing: The bracket.
        single: Written after a lone item on one line: "," for a tuple.
    """

    opening: str
    items: tuple[Code | tuple[str, Group], ...]
    closing: str
    single: str = ""


def call(function: str, **arguments: Code | Group) -> Group:
    """A call with keyword arguments."""
    items: list[Code | tuple[str, Group]] = []
    for name, value in arguments.items():
        if isinstance(value, Group):
            items.append((f"{name}=", value))
        else:
            items.append(Code(f"{name}={value}"))
    return Group(f"{function}(", tuple(items), ")")


def tuple_of(items: Sequence[Code]) -> Group:
    """A tuple; with one item it keeps its comma."""
    return Group("(", tuple(items), ")", single=",")


def tuple_of_groups(items: Sequence[Group]) -> Group:
    """A tuple of calls."""
    return Group("(", tuple(("", item) for item in items), ")", single=",")


def values(items: Sequence[object]) -> Group:
    """A tuple of literals."""
    return tuple_of([literal(item) for item in items])


def laid_out(before: str, group: Group, indent: int = 0, after: str = "") -> Code:
    """`before` and the group as source whose first line starts at `indent`.

    Args:
        after: What must still fit on the last line.
    """
    flat = before + _flat(group)
    if indent + len(flat) + len(after) <= WIDTH or not group.items:
        return Code(flat)
    inner = indent + 4
    lines = [before + group.opening]
    for item in group.items:
        if isinstance(item, Code):
            text: str = item
        else:
            text = laid_out(item[0], item[1], inner, ",")
        lines.append(" " * inner + text + ",")
    lines.append(" " * indent + group.closing)
    return Code("\n".join(lines))


def _flat(group: Group) -> str:
    items = [i if isinstance(i, Code) else i[0] + _flat(i[1]) for i in group.items]
    single = group.single if len(items) == 1 else ""
    return group.opening + ", ".join(items) + single + group.closing
