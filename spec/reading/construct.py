"""YAML nodes → plain data with places: bounded, without tags, without surprises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import yaml

from .codes import Code
from .diagnostics import Diagnostic, SpecError, Steps
from .source import Data, Place, Source

DEPTH = 50
NODES = 10_000
TAG = "tag:yaml.org,2002:"
MERGE = TAG + "merge"
TRUE = frozenset({"yes", "true", "on"})


def _integer(text: str) -> int:
    # Python refuses to parse very long numbers; none of them fits anyway.
    number = int(text.replace("_", ""), 0) if len(text) <= 24 else 2**63
    if abs(number) >= 2**63:
        raise ValueError("the number is too large: it must fit in 64 bits")
    return number


def _finite(text: str) -> float:
    number = math.inf if text[-1] in "fFnN" else float(text)
    if not math.isfinite(number):
        raise ValueError("the number is not finite")
    return number


SCALARS: dict[str, tuple[str, Callable[[str], Data]]] = {
    TAG + "null": (r"~|null|Null|NULL|", lambda text: None),
    TAG + "bool": (
        r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
        lambda text: text.lower() in TRUE,
    ),
    TAG + "int": (r"[-+]?(?:0x[0-9a-fA-F]+|0|[1-9][0-9_]*)", _integer),
    TAG + "float": (
        r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        _finite,
    ),
}
"""Tag → the form that its plain scalars have, and their value."""


def construct(node: yaml.MappingNode, source: Source) -> Source:
    """The source with its data and places filled in.

    Raises:
        SpecError: Duplicate or non-string keys, tags, numbers out of range, aliases
            that contain themselves or multiply beyond `NODES` values.
    """
    builder = _Builder(source)
    builder.values[()] = _place(node)
    data = builder.mapping(node, ())
    if builder.found:
        raise SpecError(builder.found)
    return replace(source, data=data, keys=builder.keys, values=builder.values)


class _Builder:
    """Walks the nodes once per place they are used at."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.keys: dict[Steps, Place] = {}
        self.values: dict[Steps, Place] = {}
        self._active: set[int] = set()
        self._visits = 0

    def value(self, node: yaml.Node, steps: Steps) -> Data:
        self._visit(node, steps)
        self.values[steps] = _place(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, steps)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, steps)
        return self._sequence(node, steps)

    def mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, Data]:
        self._check_tag(node, steps, "map")
        data: dict[str, Data] = {}
        pairs = self._pairs(node, steps)
        with self._inside(node, steps):
            for key, (key_node, value_node) in pairs.items():
                self.keys[(*steps, key)] = _place(key_node)
                data[key] = self.value(value_node, (*steps, key))
        return data

    def _sequence(self, node: yaml.Node, steps: Steps) -> tuple[Data, ...]:
        self._check_tag(node, steps, "seq")
        with self._inside(node, steps):
            items = enumerate(node.value)
            return tuple(self.value(item, (*steps, row)) for row, item in items)

    def _scalar(self, node: yaml.ScalarNode, steps: Steps) -> Data:
        text = str(node.value)
        if node.tag in SCALARS:
            form, convert = SCALARS[node.tag]
            try:
                if re.fullmatch(form, text):
                    return convert(text)
            except ValueError as error:
                self._report(node, steps, Code.RANGE, str(error))
                return None
            kind = node.tag.removeprefix(TAG)
            message = f"`{text[:40]}` is not a YAML {kind}"
            self._report(node, steps, Code.TAG, message)
            return None
        # `<<` as a value is a string like any other.
        if node.tag != MERGE:
            self._check_tag(node, steps, "str")
        return self._text(node, steps)

    def _text(self, node: yaml.ScalarNode, steps: Steps) -> str:
        text = str(node.value)
        if "\0" in text:
            self._report(node, steps, Code.CHARACTER, "a NUL character is not allowed")
        if any("\ud800" <= c <= "\udfff" for c in text):
            message = "half of a surrogate pair is not a character"
            self._report(
                node, steps, Code.CHARACTER, message, "write the character itself"
            )
        if node.style is None:
            self._check_lines(node, steps)
        return text

    def _check_lines(self, node: yaml.ScalarNode, steps: Steps) -> None:
        """No line of a plain value looks like a list's item."""
        for row in range(node.start_mark.line + 1, node.end_mark.line + 1):
            line = self.source.lines[row]
            item = line.lstrip()
            if item.startswith("- "):
                place = Place(row + 1, len(line) - len(item) + 1)
                message = "YAML reads this line as part of the value above"
                hint = "indent an item of a list as the others, or quote the value"
                self.found.append(
                    self.source.diagnostic(
                        place, steps, message, hint, Code.INDENTATION
                    )
                )

    def _pairs(
        self, node: yaml.MappingNode, steps: Steps
    ) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key → its nodes; merged keys come first, and what is written wins."""
        inherited: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        with self._inside(node, steps):
            for key_node, value_node in node.value:
                self._visit(key_node, steps)
                if key_node.tag == MERGE:
                    for parent in reversed(self._parents(value_node, steps)):
                        inherited |= self._pairs(parent, steps)
                    continue
                key = self._key(key_node, steps)
                if key in own:
                    first = own[key][0].start_mark.line + 1
                    message = f"the key is written twice, first in line {first}"
                    self._report(
                        key_node, (*steps, key), Code.TWICE, message, "remove one"
                    )
                elif key is not None:
                    own[key] = (key_node, value_node)
        return inherited | own

    def _parents(self, node: yaml.Node, steps: Steps) -> list[yaml.MappingNode]:
        """The mappings that `<<` names."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        parents = [n for n in nodes if isinstance(n, yaml.MappingNode)]
        if len(parents) != len(nodes):
            message = "`<<` takes a mapping or a list of mappings"
            self._report(node, steps, Code.TAG, message)
        return parents

    def _key(self, node: yaml.Node, steps: Steps) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            message = "a key must be a string, not a collection"
            self._report(node, steps, Code.KEY, message)
            return None
        if node.tag in SCALARS:
            text = node.value or "~"
            kind = node.tag.removeprefix(TAG)
            message = f"a key must be a string; YAML reads `{text[:40]}` as {kind}"
            self._report(node, steps, Code.KEY, message, f"quote it: '{text[:40]}'")
            return None
        self._check_tag(node, steps, "str")
        return self._text(node, steps)

    def _check_tag(self, node: yaml.Node, steps: Steps, kind: str) -> None:
        if node.tag != TAG + kind:
            tag = node.tag.replace(TAG, "!!")[:60]
            message = f"the YAML tag `{tag}` is not allowed here"
            self._report(node, steps, Code.TAG, message, "specs hold plain values only")

    @contextmanager
    def _inside(self, node: yaml.Node, steps: Steps) -> Iterator[None]:
        if id(node) in self._active or len(steps) > DEPTH:
            message = "an alias contains itself or nests too deep"
            self._report(node, steps, Code.SIZE, message)
            raise SpecError(self.found)
        self._active.add(id(node))
        yield
        self._active.discard(id(node))

    def _visit(self, node: yaml.Node, steps: Steps) -> None:
        self._visits += 1
        if self._visits > NODES:
            message = f"the spec holds more than {NODES} values, aliases expanded"
            self._report(node, steps, Code.SIZE, message)
            raise SpecError(self.found)

    def _report(
        self, node: yaml.Node, steps: Steps, code: Code, message: str, hint: str = ""
    ) -> None:
        diagnostic = self.source.diagnostic(_place(node), steps, message, hint, code)
        self.found.append(diagnostic)


def _place(node: yaml.Node) -> Place:
    mark = node.start_mark
    scalar = str(node.value) if isinstance(node, yaml.ScalarNode) else None
    return Place(mark.line + 1, mark.column + 1, scalar)
