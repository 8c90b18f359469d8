"""Seeded damage: bytes, members of archives, and values of texts."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

Bytes = Callable[[bytearray, Random], None]

HUGE = (2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, 2**40, 2**62, 0)
VALUES = (
    None,
    True,
    -1,
    0,
    2**63,
    2**31,
    -(2**63) - 1,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "\x00",
    "../../x",
    "é\ud800",
    [],
    {},
    [[[[]]]],
    {"a": {"b": []}},
    "9" * 400,
)


def damage(path: Path, seed: str) -> None:
    """Damage a file, or one in a folder, the same from the same seed."""
    random = Random(seed)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else []
    one = random.choice(files) if files else path
    one.write_bytes(damaged(one.read_bytes(), random))


def damaged(data: bytes, random: Random) -> bytes:
    """The content changed once, twice or three times."""
    for _ in range(random.choice((1, 1, 2, 3))):
        ways = [_by_bytes]
        if data[:2] == b"PK":
            ways += [_in_archive] * 2
        if data.lstrip()[:1] in (b"{", b"["):
            ways += [_in_json] * 2
        elif _text(data):
            ways += [_in_text] * 3
        data = random.choice(ways)(data, random)
    return data


def _by_bytes(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    random.choice(WAYS)(changed, random)
    return bytes(changed)


def _in_archive(data: bytes, random: Random) -> bytes:
    """One member damaged, under a checksum that fits; left out, or twice."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except Exception:  # it was damaged before
        return _by_bytes(data, random)
    chosen = random.randrange(len(members)) if members else -1
    made = io.BytesIO()
    how = random.choice(("inside", "inside", "inside", "gone", "twice", "renamed"))
    with zipfile.ZipFile(made, "w") as archive:
        for k, (info, content) in enumerate(members):
            if k == chosen and how == "gone":
                continue
            if k == chosen and how == "inside":
                content = damaged(content, random) if content else b"x"
            if k == chosen and how == "renamed":
                info.filename = random.choice(("../x", "a" * 300, info.filename + "2"))
            archive.writestr(info, content)
            if k == chosen and how == "twice":
                archive.writestr(info, content[::-1])
    return made.getvalue()


def _in_json(data: bytes, random: Random) -> bytes:
    """A value of another type or size, a key that is gone or new; of a line, or all."""
    lines = data.splitlines()
    whole = len(lines) == 1 or data.lstrip()[:1] == b"[" or lines[0].strip() == b"{"
    chosen = 0 if whole else random.randrange(len(lines))
    try:
        value = json.loads(data if whole else lines[chosen])
    except (ValueError, RecursionError):
        return _by_bytes(data, random)
    text = json.dumps(_changed(value, random)).encode()
    if whole:
        return text
    return b"\n".join([*lines[:chosen], text, *lines[chosen + 1 :]]) + b"\n"


def _text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode() and b"\n" in data
    except UnicodeDecodeError:
        return False


def _in_text(data: bytes, random: Random) -> bytes:
    """A line that is gone, twice, elsewhere or indented; a word that is another."""
    lines = data.decode().splitlines()
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.choice(
        ("gone", "twice", "swapped", "indented", "word", "word", "word")
    ):
        case "gone":
            del lines[at]
        case "twice":
            lines.insert(other, lines[at])
        case "swapped":
            lines[at], lines[other] = lines[other], lines[at]
        case "indented":
            lines[at] = random.choice(("  ", "\t", " ")) + lines[at]
        case _:
            words = re.split(r"([\s,:\[\]{}]+)", lines[at])
            words[2 * random.randrange((len(words) + 1) // 2)] = _word(random)
            lines[at] = "".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"


def _word(random: Random) -> str:
    return random.choice(
        (*map(str, VALUES), "&a", "*a", "!!python/name:os", "<<", "1e999")
    )


def _changed(value: Any, random: Random) -> Any:
    places = [(None, None), *_places(value)]
    parent, key = random.choice(places)
    other = random.choice(VALUES)
    if parent is None:
        return other if random.random() < 0.1 else value
    how = random.choice(("other", "other", "gone", "new"))
    if how == "gone":
        del parent[key]
    elif how == "new" and isinstance(parent, dict):
        parent[random.choice(("x", "", "step", "__shape__"))] = other
    elif how == "new":
        parent.insert(key, parent[key])
    else:
        parent[key] = other
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [value]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each))
        for key in keys:
            found.append((each, key))
            if isinstance(each[key], dict | list):
                waiting.append(each[key])
    return found


def _flip(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        if data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _fill(data: bytearray, random: Random) -> None:
    at, size = _span(data, random)
    data[at : at + size] = bytes([random.choice((0, 255, 127, 65))]) * size


def _noise(data: bytearray, random: Random) -> None:
    at, size = _span(data, random)
    data[at : at + size] = random.randbytes(size)


def _cut(data: bytearray, random: Random) -> None:
    del data[random.randrange(len(data) + 1) :]


def _leave_out(data: bytearray, random: Random) -> None:
    at, size = _span(data, random)
    del data[at : at + size]


def _repeat(data: bytearray, random: Random) -> None:
    at, size = _span(data, random)
    data[at:at] = data[at : at + size] * random.choice((1, 2, 30))


def _enlarge(data: bytearray, random: Random) -> None:
    """A size that is far beyond the file's, where one may stand."""
    size = random.choice((4, 8))
    near = random.random() < 0.5
    at = random.randrange(max(1, min(len(data), 400) if near else len(data)))
    number = random.choice(HUGE) % 2 ** (8 * size)
    data[at : at + size] = number.to_bytes(size, random.choice(("little", "big")))


def _span(data: bytearray, random: Random) -> tuple[int, int]:
    return random.randrange(len(data) + 1), random.choice((1, 2, 4, 8, 16, 64))


WAYS: tuple[Bytes, ...] = (
    _flip,
    _flip,
    _fill,
    _noise,
    _cut,
    _leave_out,
    _repeat,
    _enlarge,
    _enlarge,
)
