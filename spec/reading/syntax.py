"""What is wrong with a text that is not YAML: the line that doesn't fit, and a remedy.

PyYAML stops where it can't go on. That is often not where the slip is: a quote that is
not closed swallows lines, a value goes on in a line that was meant as a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import yaml

from .codes import Code
from .indentation import fitting, indent, spaces
from .source import Place

INDENTED = Code.INDENTATION
CONFLICT = re.compile(r"(<{7}|={7}|>{7})( |$)")
ONE_DOCUMENT = "a spec is one document: remove the `...` above"
ITEM = "write `- ` before an item of the list"
UNCLOSED = "a bracket is not closed, or a comma is missing"
HINTS = {
    "found character '\\t'": "YAML indents with spaces, not tabs",
    "mapping values are not allowed": "quote a value that contains `: `",
    "cannot start any token": "quote a value that starts with a special character",
    "undefined alias": "quote a value that starts with `*`",
    "expected alphabetic or numeric": "quote a value that starts with `*` or `&`",
    "expected chomping or indentation": "quote a value that starts with `|` or `>`",
    "unknown escape character": "use single quotes where a value holds backslashes",
    "expected a single document": "a spec is one document: remove the second `---`",
    "expected ',' or": UNCLOSED,
    "could not find expected ':'": "a key is followed by `: ` and its value",
    "end of stream": "a quote or bracket is not closed",
}


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake in writing YAML: where it is, what it is and what to do."""

    place: Place
    message: str
    hint: str = ""
    code: Code = Code.SYNTAX


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where PyYAML stopped.

    Attributes:
        message: All that it says.
        found: The token that it did not expect, "" where it did not come to tokens.
        at: Where it stopped.
        since: Where the construct starts that it was reading, if it says so.
        before: The last scalar that ends before `at`.
        lines: The text.
        is_key: Whether a word is a key of the dialect.
    """

    message: str
    found: str
    at: yaml.Mark
    since: yaml.Mark | None
    before: yaml.ScalarToken | None
    lines: Sequence[str]
    is_key: Callable[[str], bool]

    @property
    def line(self) -> str:
        """The line that it stopped in."""
        return self.lines[self.at.line] if self.at.line < len(self.lines) else ""


def conflict(lines: Sequence[str]) -> Slip | None:
    """The first merge-conflict marker: what else is wrong comes from it."""
    for row, line in enumerate(lines, 1):
        if CONFLICT.match(line):
            message = "a merge-conflict marker was left in the file"
            return Slip(Place(row, 1), message, "resolve the conflict")
    return None


def slip(
    error: yaml.MarkedYAMLError,
    here: yaml.Mark,
    lines: Sequence[str],
    scalars: Sequence[yaml.ScalarToken],
    is_key: Callable[[str], bool],
) -> Slip:
    """What PyYAML says, where the mistake is, with the likely cause.

    Args:
        here: How far was read.
        scalars: Those that were read, in order.
        is_key: Whether a word is a key of the dialect.
    """
    problem = error.problem or "not valid YAML"
    message = f"{error.context}, {problem}" if error.context else problem
    at = error.problem_mark or error.context_mark or here
    found = re.search(r"but (?:found|got) '(.+)'$", problem)
    ended = [each for each in scalars if each.end_mark.index <= at.index]
    stop = _Stop(
        message,
        found[1] if found else "",
        at,
        error.context_mark,
        ended[-1] if ended else None,
        lines,
        is_key,
    )
    for part, rule in RULES.items():
        if part in message and (known := rule(stop)):
            return known
    hint = next((hint for part, hint in HINTS.items() if part in message), "")
    return Slip(_place(at), message, hint)


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _ends_too_late(stop: _Stop) -> Slip | None:
    """A quote that is only closed by the one that opens the next quoted value."""
    last = stop.before
    if last is None or last.plain or not stop.found:
        return None
    if not last.start_mark.line < last.end_mark.line == stop.at.line:
        return None
    message = f"the quote that opens here is only closed in line {stop.at.line + 1}"
    return Slip(_place(last.start_mark), message, "close it where the value ends")


def _value_goes_on(stop: _Stop) -> Slip | None:
    """A key where a plain value is still read, since it is indented too far."""
    last = stop.before
    if last is None or not last.plain:
        return None
    if last.start_mark.line == stop.at.line:
        return _key_in_its_line(stop, last)
    first = stop.lines[last.start_mark.line]
    row = last.start_mark.line + 1
    written = first[last.start_mark.column :].split(" #")[0].strip()
    if not first[: last.start_mark.column].strip(" -"):
        lacks = (
            f"`{written[:60]}` is no key with a value, but line {row + 1} follows it"
        )
        hint = _colon(written)
        if first.strip().startswith("- "):
            hint += "; a list item without one ends in its line"
        return Slip(_place(last.start_mark), lacks, hint)
    return _ill_indented(stop, f"the value in line {row} is complete")


def _key_in_its_line(stop: _Stop, key: yaml.ScalarToken) -> Slip | None:
    """A second key in one line: `metric: topk: 1`."""
    before = stop.line[: key.start_mark.column].strip()
    written = re.split(r"\s#", stop.line[key.start_mark.column :])[0].strip()
    if not stop.is_key(key.value) or not before.endswith(":"):
        return None
    hint = f"put `{written[:60]}` on a line of its own, indented"
    if re.fullmatch(r"\w+: [^:,\[\]{}]+", written[:60]):
        above = before.removeprefix("- ")
        hint += f", or in braces: `{above} {{{written[:60]}}}`"
    message = f"`{key.value[:60]}` is a key, and its line has one already"
    return Slip(_place(key.start_mark), message, hint)


def _block_goes_on(stop: _Stop) -> Slip | None:
    """What can't follow within a block of lines that start in one column."""
    place = _place(stop.at)
    if late := _ends_too_late(stop):
        return late
    if stop.found in "}]":
        return Slip(place, f"`{stop.found}` closes nothing", "remove it")
    if stop.found == ",":
        return Slip(place, "a comma stands outside of brackets", "remove it")
    if stop.found == ":":
        return Slip(place, "a key is missing before `:`", "key: value")
    if stop.found == "<scalar>":
        hint = "quote the whole, from its first character to its last"
        return Slip(place, "text follows a finished value", hint)
    if stop.found == "-":
        hint = "indent it under the key that the list belongs to"
        return Slip(place, "an item of a list stands among keys", hint, INDENTED)
    if stop.found == "?" and "block collection" in stop.message:
        hint = fitting(stop.lines, stop.at.line) or ITEM
        return Slip(place, "a key stands among the items of a list", hint, INDENTED)
    if stop.found in ("<block mapping start>", "<block sequence start>"):
        return _ill_indented(stop, "it belongs to no line above")
    return None


def _ill_indented(stop: _Stop, why: str) -> Slip:
    column = indent(stop.line)
    return Slip(
        Place(stop.at.line + 1, column + 1),
        f"this line is indented by {spaces(column)}: {why}",
        fitting(stop.lines, stop.at.line),
        INDENTED,
    )


def _bracket_goes_on(stop: _Stop) -> Slip | None:
    """A bracket that nothing closes; else a comma is missing where it was noticed."""
    if late := _ends_too_late(stop):
        return late
    if stop.since is None:
        return None
    opening = _place(stop.since)
    if stop.found == "<stream end>":
        return Slip(opening, stop.message, UNCLOSED)
    bracket = stop.lines[stop.since.line][stop.since.column]
    if stop.found in "}]":
        row = "" if stop.at.line == stop.since.line else f" in line {stop.at.line + 1}"
        message = f"`{bracket}` is not closed before `{stop.found}`{row}"
        return Slip(opening, message, "close the brackets in turn")
    if stop.at.line == stop.since.line or _closed_later(stop):
        return None
    message = f"`{bracket}` is not closed before line {stop.at.line + 1}"
    return Slip(opening, message, UNCLOSED)


def _closed_later(stop: _Stop) -> bool:
    """Whether some bracket is closed behind `at` that was not opened there."""
    depth = 0
    rest = [stop.line[stop.at.column :], *stop.lines[stop.at.line + 1 :]]
    for line in rest:
        for character in re.sub(r"""'[^']*'|"[^"]*"|#.*""", "", line):
            depth += (character in "[{") - (character in "]}")
            if depth < 0:
                return True
    return False


def _no_colon(stop: _Stop) -> Slip | None:
    """A line that is neither a key with its value nor part of a value."""
    if stop.since is None:
        return None
    hint = _colon(stop.lines[stop.since.line][stop.since.column :])
    return Slip(_place(stop.since), stop.message, hint)


def _colon(written: str) -> str:
    """What a line lacks that should give a key its value."""
    if re.match(r"[\w.-]+:\S", written):
        return "write a space behind the colon"
    return "a key is followed by `: ` and its value"


def _second_top(stop: _Stop) -> Slip | None:
    """What follows the document, mostly since its first line is indented."""
    if stop.found in ("}", "]", ",", "<scalar>"):
        return _block_goes_on(stop)
    rows = enumerate(stop.lines[: stop.at.line], 1)
    row, first = next((each for each in rows if each[1].split("#")[0].strip()), (0, ""))
    if column := indent(first):
        message = f"this line is indented less than the first, line {row}"
        hint = f"check the indentation: line {row} starts with {spaces(column)}"
        return Slip(_place(stop.at), message, hint, INDENTED)
    return Slip(_place(stop.at), stop.message, ONE_DOCUMENT)


def _no_value(stop: _Stop) -> Slip | None:
    """A bracket or comma where a value should be."""
    if stop.found in ("}", "]"):
        return Slip(_place(stop.at), f"`{stop.found}` closes nothing", "remove it")
    if stop.found == ",":
        return Slip(_place(stop.at), "a comma has no value before it", "remove it")
    return None


def _tab(stop: _Stop) -> Slip | None:
    """A tab elsewhere than in the indentation."""
    if not stop.line[: stop.at.column].strip():
        return None
    return Slip(_place(stop.at), stop.message, "write a space instead of the tab")


def _not_ended(stop: _Stop) -> Slip | None:
    """What the end of the text cuts off: where it began."""
    if stop.since is None:
        return None
    return Slip(_place(stop.since), stop.message, HINTS["end of stream"])


RULES: dict[str, Callable[[_Stop], Slip | None]] = {
    "found character '\\t'": _tab,
    "mapping values are not allowed": _value_goes_on,
    "expected <block end>": _block_goes_on,
    "expected ',' or": _bracket_goes_on,
    "could not find expected ':'": _no_colon,
    "expected '<document start>'": _second_top,
    "the node content": _no_value,
    "unexpected end of stream": _not_ended,
    "document separator": _not_ended,
}
"""Part of what PyYAML says → the reading of it; None: it has said enough."""
