"""Every fenced block of the documentation is what its language says.

A comment above a block says who runs it: `<!-- run: core in FOLDER -->` this module, in a
copy of the folder, `<!-- run: FRAMEWORK -->` a test of the framework's. `title="…"` behind
the language marks a file that is no spec.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml
from _pytest.mark import ParameterSet
from fences import DOCS, Fence, commands, fences, is_said

from narrowcast.cli import app
from narrowcast.spec.load import loads

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
LANGUAGES = {"", "console", "json", "python", "sh", "yaml"}
SESSIONS = {"pytorch", "tensorflow", "onnx", "mxnet"}
MODEL = "model: {name: net, framework: onnx, path: net.onnx}\n"
"""What a spec needs besides a part of one."""

SUPPLIED = ROOT / "tests/cases/supplied_tensorflow/expected/convert_ssd_resnet50.py"
"""A script that all is given on its command line."""

PROGRAM = re.compile(r"(?:[A-Z_0-9]+=\S+ )*(?:narrowcast|python) .*")
SPAN = re.compile(r"`(narrowcast [a-z][^`\n]*)`")
PLACEHOLDER = re.compile(r"[\[\]|…]")

BLOCKS = [
    pytest.param(page, block, id=f"{page.relative_to(ROOT)}:{block.line}")
    for page in PAGES
    for block in fences(page)
]


def of(*languages: str) -> list[ParameterSet]:
    """The blocks of languages, as parameters."""
    return [each for each in BLOCKS if each.values[1].language in languages]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_block_that_is_overlooked(page: Path) -> None:
    ticks = re.findall(r"^\s*(?:```|~~~)", page.read_text("utf-8"), re.MULTILINE)
    assert len(ticks) == 2 * len(fences(page))
    assert {each.language for each in fences(page)} <= LANGUAGES


@pytest.mark.parametrize(("page", "block"), of("yaml"))
def test_a_spec_is_valid(page: Path, block: Fence) -> None:
    if block.info.startswith("title="):
        assert yaml.safe_load(block.text)
        return
    whole = re.search(r"^model:", block.text, re.MULTILINE)
    text = block.text if whole else MODEL + block.text
    if (model := yaml.safe_load(text)["model"]).get("framework") in (None, "NA"):
        loads(text, framework="onnx")
    else:
        loads(text)
    assert model["name"]


def test_json_is_json() -> None:
    for block in of("json"):
        json.loads(block.values[1].text)


@pytest.mark.parametrize(("page", "block"), of("python"))
def test_python_is_python(page: Path, block: Fence) -> None:
    text = textwrap.dedent(block.text)
    try:
        compile(text, str(page), "exec")
    except SyntaxError:  # a part of a mapping
        compile(f"{{{text}}}", str(page), "eval")


@pytest.mark.parametrize(("page", "block"), [e for e in BLOCKS if e.values[1].run])
def test_what_is_marked_is_run(page: Path, block: Fence) -> None:
    for name in re.split(r",\s*", block.run.partition(" in ")[0]):
        if name == "core":
            continue
        assert name in SESSIONS
        tests = (ROOT / "tests" / name).glob("*.py")
        runs = "follow_page(" if page.name == "index.md" else "run_page("
        assert any(runs in test.read_text("utf-8") for test in tests)


@pytest.mark.parametrize(
    ("page", "block"), [e for e in BLOCKS if e.values[1].run.startswith("core in ")]
)
def test_core_says_what_the_page_shows(
    page: Path, block: Fence, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(ROOT / block.run.removeprefix("core in "), folder)
    if block.language == "python":
        said(folder, "-c", block.text)
    for command in commands(block.text) if block.language == "console" else ():
        program, *arguments = command.words.split()
        assert program == "narrowcast"
        text = said(folder, "-m", program, *arguments)
        assert is_said(command.says, text), text


def said(folder: Path, *arguments: str) -> str:
    """What Python prints that must end well."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(block: Fence) -> Iterator[str]:
    """The commands of a block, but for those that are shown to fail."""
    if block.language == "console" or "\n$ " in f"\n{block.text}":
        for each in commands(block.text):
            if not any("error" in line for line in each.says):
                yield each.words
    elif block.language in ("", "sh"):
        yield from (e for e in block.text.splitlines() if PROGRAM.fullmatch(e))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_have_the_options_that_a_page_gives_them(page: Path) -> None:
    found = [line for block in fences(page) for line in lines(block)]
    spans = SPAN.findall(page.read_text("utf-8"))
    found += [span for span in spans if not PLACEHOLDER.search(span)]
    for line in found:
        line = re.split(r" [|>&]", line)[0]  # what the shell does with it
        words = [w for w in shlex.split(line, comments=True) if not is_set(w)]
        if words[0] == "narrowcast":
            parse(words[1:])
        elif words[1].startswith("convert_"):
            of_a_script(words[2:])


def is_set(word: str) -> bool:
    """Whether it is a variable of the environment, before a command."""
    return re.fullmatch(r"[A-Z][A-Z_0-9]*=.*", word) is not None


def parse(words: list[str]) -> None:
    """Read a command line of narrowcast's as it would, and do nothing."""
    command = typer.main.get_command(app)
    if words[0].startswith("-"):
        assert words[0] in {"--help", "-h", "--version"}
        return
    name, *arguments = words
    one = command.commands[name]  # type: ignore[attr-defined]
    if not arguments:  # its name alone, in a sentence
        return
    if name == "run":
        spec, *options = arguments
        ours = {row for each in one.params for row in each.opts}
        of_a_script([each for each in options if each not in ours])
        arguments = [spec]
    one.make_context(name, arguments)


def of_a_script(options: list[str]) -> None:
    """The options are of a script that leaves all to its command line."""
    names = [option for option in options if option.startswith("-")]
    assert not [name for name in names if name not in script_options()]


@cache
def script_options() -> frozenset[str]:
    """What a script says that it takes."""
    text = said(SUPPLIED.parent, SUPPLIED.name, "--help")
    return frozenset(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))
