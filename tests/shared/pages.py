"""The code of a page of the documentation, run as its readers would."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from project import Project

PAGE = Path(__file__).parents[2] / "docs/migration.md"
FENCED = re.compile(
    r"(?:<!-- (?P<what>run|file): (?P<named>[^>]+?) -->\n)?"
    r"```(?P<language>\w*)\n(?P<text>.*?)```\n",
    re.DOTALL,
)
THEIRS, OURS = "neural_compressor", "narrowcast"


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        frameworks: Whose tests run it; none of a file.
        file: What it is written to, "" for what is run.
    """

    language: str
    text: str
    frameworks: tuple[str, ...]
    file: str


def blocks() -> list[Block]:
    """The page's blocks, in order."""
    return [
        Block(
            found["language"],
            found["text"],
            tuple(re.split(r",\s*", found["named"])) if found["what"] == "run" else (),
            found["named"] if found["what"] == "file" else "",
        )
        for found in FENCED.finditer(PAGE.read_text("utf-8"))
    ]


def run_page(project: Project, framework: str, preamble: str) -> str:
    """Run a framework's blocks one after another in one unguarded script.

    Where a block imports Neural Compressor's package, its name alone is changed.

    Args:
        preamble: Defines what the page takes for granted: MODEL, images, labels, dataset.

    Returns:
        What was printed.
    """
    for block in blocks():
        if block.file:
            (project.folder / block.file).write_text(block.text, "utf-8")
    mine = [block for block in blocks() if framework in block.frameworks]
    python = [
        block.text.replace(THEIRS, OURS) for block in mine if block.language == "python"
    ]
    assert python
    (project.folder / "page.py").write_text("\n\n".join([preamble, *python]), "utf-8")
    said = checked(project, ["page.py"])
    for block in mine:
        for line in block.text.splitlines() if block.language == "sh" else ():
            program, *arguments = line.split()
            module = ["-m", OURS] if program == OURS else []
            assert module or program == "python", line
            said += checked(project, [*module, *arguments])
    return said


def checked(project: Project, command: Sequence[str]) -> str:
    """What a command that must end well prints."""
    done: subprocess.CompletedProcess[str] = project.run(command=command)
    assert done.returncode == 0, f"{sys.executable} {command}: {done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout
