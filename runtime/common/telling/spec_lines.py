"""Where in the spec the keys stand that a message names: the script says which file."""

from __future__ import annotations

import re
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError, words

KEYS = re.compile(
    r"\b(?:evaluation|mixed_precision|model|quantization|tuning)(?:\.\w+)+"
)
"""What in a message is a key of a spec, from its section on."""

DATASET = "evaluation.accuracy.dataloader.dataset"

OF_DATASETS = re.compile(r"\bdataset\.(?P<kind>\w+)\.(?P<key>\w+)")
"""What in a message is a key of the dataset, as it is said for short."""

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


@dataclass(frozen=True)
class Key:
    """A key of a spec.

    Attributes:
        name: Dotted.
        spec: The file; None where that isn't beside the script.
        line: Where it stands in the file, or what holds it; 0 where that isn't known.
    """

    name: str
    spec: Path | None = None
    line: int = 0

    def __str__(self) -> str:
        """`model.inputs (net.yaml:7)`."""
        return (
            self.name
            if self.spec is None
            else f"{self.name} ({self.spec.name}:{self.line})"
        )


def named_key(message: str, script: Path) -> Key | None:
    """The first key that a message names that has a line in the spec."""
    found = (placed_key(key, script) for key in KEYS.findall(message))
    return next((each for each in found if each.line), None)


def data_key(error: BaseException, script: Path) -> Key | None:
    """The key of the data that the script was reading when that failed, else None.

    Of the dataset it is the one that the error says for short: `dataset.csv.label`.
    """
    if not isinstance(error, DataError):
        return None
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    own = [each for each in frames if Path(each.f_code.co_filename) == script]
    reading = [each for each in own if each.f_code.co_name in ("dataset", "batches")]
    if not reading or "dataset" not in reading[-1].f_globals:
        return None
    found = placed_key(DATASET, script)
    short = OF_DATASETS.search(words(error))
    if short is None or not _has(found.spec, short["kind"]):
        return found
    return placed_key(f"{DATASET}.{short['kind']}.{short['key']}", script)


def _has(spec: Path | None, kind: str) -> bool:
    """Whether a spec speaks of this kind of dataset: some share a reader."""
    with suppress(OSError, UnicodeError):
        return spec is None or kind in spec.read_text("utf-8")
    return False


def placed_key(name: str, script: Path) -> Key:
    """A key, with its place in the spec that is beside the script."""
    spec = _spec(script)
    if spec is not None:
        with suppress(OSError, UnicodeError):
            if line := _line(name, dict(_lines(spec.read_text("utf-8")))):
                return Key(name, spec, line)
    return Key(name)


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
