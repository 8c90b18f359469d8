"""One table of releases: scripts, narrowcast's own metadata and the docs agree with it."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from narrowcast import __version__
from narrowcast.codegen.frameworks import FRAMEWORKS
from narrowcast.spec.releases import libraries
from narrowcast.spec.releases.frameworks import PYTHON, RUNTIME, distribution
from narrowcast.spec.releases.modules import ALIKE, OTHERWISE, distribution_of

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BLOCK = re.compile(r"(?m)^# /// script\n(?P<body>(?:^#(?:| .*)\n)+?)^# ///\n")
ENGINES = {"dask", "ray"}
"""Extras that no script asks for: what runs it on other machines does."""

SCRIPTS = sorted((ROOT / "tests/cases").glob("*/expected/*.py"))


def block(script: Path) -> Mapping[str, Any]:
    """The PEP 723 block, as the specification has it read."""
    found = BLOCK.search(script.read_text("utf-8"))
    assert found is not None
    lines = found["body"].splitlines(keepends=True)
    return tomllib.loads("".join(line[2:] or "\n" for line in lines))


def test_an_extra_has_what_scripts_of_its_frameworks_have() -> None:
    for extra, requirements in PROJECT["optional-dependencies"].items():
        if extra in ENGINES:
            continue
        scripted = [
            each.releases for each in FRAMEWORKS.values() if each.extra == extra
        ]
        wanted = {each for one in scripted for each in (one.framework, *one.beside)}
        assert {*requirements} == wanted, extra


def test_narrowcast_has_what_its_runtime_has() -> None:
    assert {*RUNTIME} <= {*PROJECT["dependencies"]}
    assert PROJECT["requires-python"] == PYTHON


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parents[1].name)
def test_a_script_checks_what_its_first_lines_ask_for(script: Path) -> None:
    found = block(script)["dependencies"]
    names = [Requirement(each).name for each in found]
    assert len(names) == len(set(names))
    checked = re.findall(r'framework="([^"]+)"', script.read_text("utf-8"))
    assert checked and {*checked} <= {*found}
    (ours,) = (each for each in found if each.startswith("narrowcast"))
    assert re.fullmatch(rf"narrowcast\[\w+\]~={re.escape(__version__)}", ours)


def requirements() -> Iterator[str]:
    yield from RUNTIME
    for framework in FRAMEWORKS.values():
        yield from (framework.releases.framework, *framework.releases.beside)
    yield from (each for name, each in vars(libraries).items() if name.isupper())


@pytest.mark.parametrize("text", sorted({*requirements()}))
def test_a_requirement_has_a_beginning_and_can_be_read(text: str) -> None:
    read = Requirement(text)
    assert read.name == distribution(text)
    assert {each.operator for each in read.specifier} & {">=", "~="}


def test_well_known_modules_have_a_distribution() -> None:
    assert distribution_of("PIL.Image") == "pillow"
    assert distribution_of("transformers") == "transformers"
    assert distribution_of("keras_cv.models") == "keras-cv"
    assert distribution_of("my.data") == ""
    assert not ALIKE & {*OTHERWISE}


def test_the_page_has_the_table() -> None:
    text = (ROOT / "docs/vendoring.md").read_text("utf-8")
    for framework in FRAMEWORKS.values():
        releases = framework.releases
        each = ", ".join(f"`{one}`" for one in releases.beside)
        python = releases.python
        row = f"| {framework.title} | `{releases.framework}` | {each} | `{python}` |"
        assert row in text, row
    assert all(f"`{each}`" in text for each in RUNTIME)
