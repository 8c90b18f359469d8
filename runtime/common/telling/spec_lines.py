"""Where in the spec the keys stand that a message names: the script says which file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

KEYS = re.compile(
    r"\b(?:evaluation|mixed_precision|model|quantization|tuning)(?:\.\w+)+"
)
"""What in a message is a key of a spec, from its section on."""

SOURCE = re.compile(r'^# (spec = ".*")$', re.MULTILINE)
"""What a script says of the file that it was made from."""

ENTRY = re.compile(r"""( *)(?:(['"])(.+?)\2|([^\s#'":{}\[\]-][^\s:#]*))\s*:(?=\s|$)""")
"""A line of YAML that begins with a key."""


def located(message: str, script: Path) -> str:
    """The message, each key with its line where it is first named: `model.inputs
    (net.yaml:7)`.

    Of a key that is written in braces, or not at all, the line of what holds it is told.
    Nothing is told where there is no spec beside the script.
    """
    spec = _spec(script)
    if spec is None:
        return message
    with suppress(OSError, UnicodeError):
        lines = dict(_lines(spec.read_text("utf-8")))
        for key in dict.fromkeys(KEYS.findall(message)):
            line = _line(key, lines)
            if line:
                place = f"{key} ({spec.name}:{line})"
                # What is to be written is left as it is written.
                named = rf"(?<!write )\b{re.escape(key)}\b(?!\.\w)"
                message = re.sub(named, place, message, count=1)
    return message


def named_key(message: str, script: Path) -> tuple[str, Path, int] | None:
    """The first key that a message names, the spec, and its line there, if it has one."""
    spec = _spec(script)
    if spec is not None:
        with suppress(OSError, UnicodeError):
            lines = dict(_lines(spec.read_text("utf-8")))
            for key in KEYS.findall(message):
                if line := _line(key, lines):
                    return key, spec, line
    return None


def _spec(script: Path) -> Path | None:
    """The file that the script was made from, if it is there."""
    with suppress(OSError, UnicodeError, tomllib.TOMLDecodeError):
        said = SOURCE.search(script.read_text("utf-8")[:10_000])
        if said is not None:
            path = script.parent / str(tomllib.loads(said[1])["spec"])
            return path if path.is_file() else None
    return None


def _line(key: str, lines: dict[str, int]) -> int | None:
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Dotted key → its line, of what YAML writes in block style."""
    above: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = ENTRY.match(line)
        if entry is None:
            continue
        indent = len(entry[1])
        while above and above[-1][0] >= indent:
            above.pop()
        above.append((indent, entry[3] or entry[4]))
        yield ".".join(name for _indent, name in above), number
