"""The documents of tests/dialect: specs in Neural Compressor's dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = Path(__file__).parents[1] / "dialect"


class Document(NamedTuple):
    """One spec.

    Attributes:
        name: Of the file and what its first line says it covers; unique.
        text: The YAML.
        framework: What the command line says, where the spec leaves it open.
    """

    name: str
    text: str
    framework: str

    @property
    def data(self) -> dict[str, Any]:
        """The YAML as plain data."""
        data: dict[str, Any] = yaml.safe_load(self.text)
        return data

    @property
    def module(self) -> str:
        """A file name for its script."""
        return re.sub(r"\W+", "_", self.name).strip("_")[:80]


def _documents() -> Iterator[Document]:
    for file in sorted(FOLDER.glob("*.yaml")):
        for row, text in enumerate(file.read_text("utf-8").split("\n---\n")):
            covers = text.splitlines()[0].removeprefix("# ")
            told = re.search(r"--framework (\w+)", covers)
            name = f"{file.stem}-{row}-{covers}"
            yield Document(name, text, told[1] if told else "")


DOCUMENTS = tuple(_documents())


def document(covers: str) -> Document:
    """The one whose first line starts with these words."""
    (found,) = (one for one in DOCUMENTS if one.text.startswith(f"# {covers}"))
    return found
