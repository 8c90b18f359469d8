"""The code of pages of the documentation, run as their readers would."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence

from fences import DOCS, Fence, commands, fences, is_said
from project import Project

MIGRATION, FIRST = DOCS / "migration.md", DOCS / "index.md"
THEIRS, OURS = "neural_compressor", "narrowcast"


def run_page(project: Project, framework: str, preamble: str) -> str:
    """Run a framework's blocks of the migration page one after another in one script.

    Where a block imports Neural Compressor's package, its name alone is changed.

    Args:
        preamble: Defines what the page takes for granted: MODEL, images, labels, dataset.

    Returns:
        What was printed.
    """
    blocks = fences(MIGRATION)
    write(project, blocks)
    mine = [each for each in blocks if framework in re.split(r",\s*", each.run)]
    python = [each.text.replace(THEIRS, OURS) for each in mine if _is_python(each)]
    assert python
    (project.folder / "page.py").write_text("\n\n".join([preamble, *python]), "utf-8")
    said = checked(project, ["page.py"])
    for block in mine:
        for line in block.text.splitlines() if block.language == "sh" else ():
            said += checked(project, called(line))
    return said


def follow_page(project: Project, framework: str) -> None:
    """Do what the first page says, and see what it shows, but for numbers."""
    blocks = fences(FIRST)
    write(project, blocks)
    mine = [each for each in blocks if each.run == framework]
    assert len(mine) > 1
    for block in mine:
        if _is_python(block):
            assert checked(project, ["-c", block.text]).strip()
        for command in commands(block.text) if block.language == "console" else ():
            done = project.run(command=called(command.words))
            assert done.returncode == 0, done.stderr
            said = done.stderr + done.stdout
            assert is_said(command.says, said, numbers=False), said


def write(project: Project, blocks: Sequence[Fence]) -> None:
    """Write the files that a page shows."""
    for block in blocks:
        if block.file:
            (project.folder / block.file).write_text(block.text, "utf-8")


def called(line: str) -> list[str]:
    """Arguments of Python's for a command of a page."""
    program, *arguments = line.split()
    module = ["-m", OURS] if program == OURS else []
    assert module or program == "python", line
    return [*module, *arguments]


def _is_python(block: Fence) -> bool:
    return block.language == "python"


def checked(project: Project, command: Sequence[str]) -> str:
    """What a command that must end well prints."""
    done: subprocess.CompletedProcess[str] = project.run(command=command)
    assert done.returncode == 0, f"{sys.executable} {command}: {done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout
