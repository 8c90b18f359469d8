"""YAML text → Source, by PyYAML's composer: no constructor, so nothing is built.

YAML 1.1 as Neural Compressor reads it (`yes` is true, `<<` merges), without the
readings that surprise: `1e-3` is a number; `010`, `1:30` and dates are strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from .codes import Code
from .construct import DEPTH, MERGE, NODES, SCALARS, construct
from .diagnostics import SpecError
from .source import Place, Source
from .syntax import conflict, slip

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class _Composer(Reader, Scanner, Parser, Composer, BaseResolver):
    """Text to nodes, with bounds on their depth and number."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self.depth = self.nodes = 0
        self.scalars: list[yaml.ScalarToken] = []

    def scan_plain(self) -> yaml.ScalarToken:
        return self._kept(super().scan_plain())

    def scan_flow_scalar(self, style: str) -> yaml.ScalarToken:
        return self._kept(super().scan_flow_scalar(style))

    def _kept(self, scalar: yaml.ScalarToken) -> yaml.ScalarToken:
        self.scalars.append(scalar)
        return scalar

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > DEPTH or self.nodes > NODES:
            bound = f"nested more than {DEPTH} deep"
            if self.nodes > NODES:
                bound = f"the spec holds more than {NODES} values"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, bound, mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, (_form, _) in SCALARS.items():
    _Composer.add_implicit_resolver(_tag, re.compile(f"(?:{_form})\\Z"), None)
_Composer.add_implicit_resolver(MERGE, re.compile(r"<<\Z"), None)


def compose(
    text: str, name: str, is_key: Callable[[str], bool] = str.isidentifier
) -> Source:
    """The document as data with places.

    Args:
        is_key: Whether a word is a key of the dialect.

    Raises:
        SpecError: The text is not YAML, or not a mapping of plain values.
    """
    source = Source(name, tuple(BREAK.split(text)))
    node = _node(text, source, is_key)
    if node is None or node.tag.endswith(":null"):
        hint = "write at least `model:`"
        _refuse(source, Place(1, 1), "the spec is empty", hint, Code.NO_MAPPING)
    if not isinstance(node, yaml.MappingNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        mark = node.start_mark
        _refuse(
            source,
            Place(mark.line + 1, mark.column + 1),
            f"a spec is a mapping of keys to values, this is {kind}",
            "start with `model:`",
            Code.NO_MAPPING,
        )
    return construct(node, source)


def _node(text: str, source: Source, is_key: Callable[[str], bool]) -> yaml.Node | None:
    """The document's root node."""
    try:
        composer = _Composer(text)
    except ReaderError as error:
        before = BREAK.split(text[: error.position])
        place = Place(len(before), len(before[-1]) + 1)
        code = f"U+{ord(text[error.position]):04X}"
        message = f"the character {code} is not allowed in YAML"
        _refuse(source, place, message, "", Code.CHARACTER)
    try:
        return composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        _refuse_syntax(source, error, composer, is_key)
    except (ValueError, OverflowError):
        # PyYAML lets chr() and int() of an absurd escape or directive fail.
        mark = composer.get_mark()
        here = Place(mark.line + 1, mark.column + 1)
        message = "not a character or number in YAML"
        _refuse(source, here, message, "", Code.CHARACTER)


def _refuse_syntax(
    source: Source,
    error: yaml.MarkedYAMLError,
    composer: _Composer,
    is_key: Callable[[str], bool],
) -> NoReturn:
    """Say what is wrong with the text, at its place, with the likely cause."""
    here = composer.get_mark()
    lines, scalars = source.lines, composer.scalars
    found = conflict(lines) or slip(error, here, lines, scalars, is_key)
    _refuse(source, found.place, found.message, found.hint, found.code)


def _refuse(
    source: Source, place: Place, message: str, hint: str, code: Code
) -> NoReturn:
    raise SpecError([source.diagnostic(place, (), message, hint, code)]) from None
