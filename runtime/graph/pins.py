"""Pins: ops that must stay fp32, and why."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..common.errors import UsageError
from .graph import Graph, Kind, Op, Precision


class Why(StrEnum):
    """What keeps an op in fp32."""

    USER = "user"
    FIXED = "fixed"
    INT8 = "int8"
    NO_KERNEL = "no kernel"
    RANGE = "range"
    BOUND = "bound"
    ACCURACY = "accuracy"
    LATENCY = "latency"
    MEMORY = "memory"
    CAST = "cast"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an op is no lower than a floor, in words.

    Attributes:
        number: What decided it, if that is a number.
        floor: The lowest precision that the op may have: 16 bits where only int8 is out.
    """

    why: Why
    text: str
    number: float | None = None
    floor: Precision = Precision.FP32

    @property
    def said(self) -> str:
        """The kind and the words, neither twice."""
        return reasoned(self.why, self.text)


def reasoned(why: str, text: str) -> str:
    """A kind of reason and its words; "no bf16 kernel: …" says both."""
    both = why == Why.NO_KERNEL and text.startswith("no ")
    return text if both else f"{why}: {text}"


@dataclass(frozen=True, slots=True)
class Pins:
    """What the spec says must stay fp32.

    Attributes:
        types: Op type, compared without case and underscores ("Linear", "layer_norm")
            → the key of the spec that says so.
        names: Regular expression that must match a whole op id or module path → key.
        everything: The key that says so of all ops, "" for none.
        freed_types: Op types that `everything` does not hold.
        freed_names: Regular expressions of names that neither it nor `types` hold.
        int8_types, int8_names, int8_everything, int8_freed_types, int8_freed_names: The
            same of what int8 alone is forbidden to.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    everything: str = ""
    freed_types: Sequence[str] = ()
    freed_names: Sequence[str] = ()
    int8_types: Mapping[str, str] = field(default_factory=dict)
    int8_names: Mapping[str, str] = field(default_factory=dict)
    int8_everything: str = ""
    int8_freed_types: Sequence[str] = ()
    int8_freed_names: Sequence[str] = ()


def user_pins(graph: Graph, pins: Pins) -> dict[str, Reason]:
    """Op id → reason for every op that the spec pins.

    Raises:
        UsageError: A type or a pattern matches no op; near misses are named. Or a
            pattern is no regular expression.
    """
    found: dict[str, Reason] = {}
    ops = (*graph.ops, *graph.dropped)
    if pins.everything:
        found = {op.id: Reason(Why.USER, pins.everything) for op in graph.ops}
    for type_ in pins.freed_types:
        _free(found, _of_type(ops, type_))
    for type_, where in pins.types.items():
        matched = _of_type(ops, type_)
        if not matched:
            known = sorted({name for op in ops for name in op.types})
            raise _no_match(where, type_, known)
        found.update(_held(graph, matched, where))
    for pattern in pins.freed_names:
        _free(found, _called(ops, pattern, "freed_names"))
    for pattern, where in pins.names.items():
        matched = _called(ops, pattern, where)
        if not matched:
            known = sorted({name for op in ops for name in op.names})
            raise _no_match(where, pattern, known)
        found.update(_held(graph, matched, where))
    return found


def int8_pins(graph: Graph, pins: Pins, low: Precision) -> dict[str, Reason]:
    """Op id → reason for every op that the spec lets have 16 bits and not int8.

    Raises:
        UsageError: As `user_pins`.
    """
    of_int8 = Pins(
        types=pins.int8_types,
        names=pins.int8_names,
        everything=pins.int8_everything,
        freed_types=pins.int8_freed_types,
        freed_names=pins.int8_freed_names,
    )
    held = user_pins(graph, of_int8)
    return {name: replace(reason, floor=low) for name, reason in held.items()}


def check_pins(graph: Graph, pins: Pins) -> None:
    """See that all types and patterns match an op.

    Raises:
        UsageError: As `user_pins`.
    """
    user_pins(graph, pins)
    int8_pins(graph, pins, Precision.FP32)


def _of_type(ops: Iterable[Op], type_: str) -> list[Op]:
    wanted = _plain(type_)
    return [op for op in ops if wanted in map(_plain, op.types)]


def _called(ops: Iterable[Op], pattern: str, where: str) -> list[Op]:
    compiled = _compiled(pattern, where)
    return [op for op in ops if any(map(compiled.fullmatch, op.names))]


def _free(found: dict[str, Reason], matched: Iterable[Op]) -> None:
    for op in matched:
        found.pop(op.id, None)


def _held(graph: Graph, matched: Sequence[Op], where: str) -> dict[str, Reason]:
    """The ops that match, and all in the bodies of a branch or a loop that does."""
    called = {op.id for op in matched}
    outer = [op.id for op in matched if op.kind is Kind.FIXED]
    return {
        op.id: Reason(Why.USER, where)
        for op in graph.ops
        if op.id in called or (op.region and any(map(op.within, outer)))
    }


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"{where}: {pattern!r} is no regular expression: {error}",
            "Put a backslash before each special character that is meant literally.",
        ) from error


def _plain(type_: str) -> str:
    return type_.replace("_", "").lower()


def _no_match(where: str, pattern: str, known: Iterable[str]) -> UsageError:
    names = list(known)
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.5)
    if near:
        hint = "Did you mean " + ", ".join(near) + "?"
    else:
        hint = "The graph has, for example: " + ", ".join(names[:5]) + "."
    return UsageError(f"{where}: {pattern!r} matches no op of the model", hint)
