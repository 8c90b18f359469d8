"""The fenced blocks of a page of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FENCED = re.compile(
    r"(?:^<!-- (?P<what>run|file): (?P<named>[^>]+?) -->\n)?"
    r"^```(?P<language>\w*)(?P<info>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
NUMBER = re.compile(r"\d[\d.]*")
GAP = "..."
"""A line of what a command says that stands for any number of lines."""


@dataclass(frozen=True)
class Fence:
    """A fenced block.

    Attributes:
        info: What stands behind the language: `title="…"` of a file that is no spec.
        run: What runs it, by the comment above it; "" where nothing does.
        file: What it is written to, by that comment.
        line: Where it begins in its page, from 1.
    """

    language: str
    info: str
    text: str
    run: str
    file: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the lines that it says."""

    words: str
    says: tuple[str, ...]


def fences(page: Path) -> list[Fence]:
    """A page's blocks, in order."""
    text = page.read_text("utf-8")
    return [
        Fence(
            found["language"],
            found["info"].strip(),
            found["text"],
            found["named"] if found["what"] == "run" else "",
            found["named"] if found["what"] == "file" else "",
            text.count("\n", 0, found.start()) + 1,
        )
        for found in FENCED.finditer(text)
    ]


def commands(text: str) -> Iterator[Command]:
    """The commands of a block: lines that begin with `$ `."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        words, *says = part.rstrip("\n").splitlines()
        yield Command(words, tuple(says))


def is_said(wanted: Sequence[str], said: str, *, numbers: bool = True) -> bool:
    """Whether lines come in order, and others only where there is a gap.

    Args:
        numbers: Else any number may stand for another, and other lines between.
    """
    plain = (lambda line: line.strip()) if numbers else _numberless
    left = [line for each in said.splitlines() if (line := plain(each))]
    loose = not numbers
    for line in filter(None, map(plain, wanted)):
        if line == GAP:
            loose = True
            continue
        if line not in (left if loose else left[:1]):
            return False
        left = left[left.index(line) + 1 :]
        loose = not numbers
    return loose or not left


def _numberless(line: str) -> str:
    return GAP if line.strip() == GAP else NUMBER.sub("#", " ".join(line.split()))
