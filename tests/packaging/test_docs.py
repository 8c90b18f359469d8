"""The documentation names files and tests that are there, and links lead somewhere."""

import re
import runpy
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOLDERS = (
    *("spec", "codegen", "templates", "runtime", "src"),
    *("docs", "tests", "examples", "benchmarks"),
)
MADE = {"failed/", "trial-K/", "NAME.bf16/", "convert_net.py"}
"""What a run of a script makes, and what a reader of docs/index.md generates."""

THEIRS = {"val.txt"}
"""What a data set has."""

EXAMPLE = {
    "runtime/evaluation/data/files/raw.py",
    "runtime/evaluation/metrics/regression/largest.py",
}
"""What a reader of docs/extending.md makes: see tests/codegen/test_extending.py."""

QUOTED = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w./*-]+\.(py|md|j2|txt|toml)")
FOLDER = re.compile(rf"[\w.*-]+/|({'|'.join(FOLDERS)})/[\w./*-]+")
TEST = re.compile(r"(?P<file>[\w./-]*)::(?P<test>test_\w+)")
LINK = re.compile(r"\]\((?P<path>[\w./-]*)(?:#(?P<anchor>[\w-]+))?\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CITED = re.compile(r"docs/[a-z_]+(?:/[a-z_]+)*\.md")
PAGE = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]


@cache
def paths() -> tuple[str, ...]:
    """Files and folders of the repository."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    found += [ROOT / name for name in FOLDERS]
    found += [path for name in FOLDERS for path in (ROOT / name).rglob("*")]
    return tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in found)


def is_there(name: str) -> bool:
    """Whether a path, or the end of one, is; placeholders stand for any name."""
    end = "*/" + re.sub("NAME|FRAMEWORK", "*", name.strip("/"))
    return name in MADE | THEIRS | EXAMPLE or any(
        fnmatch(path, end) for path in paths()
    )


def named(page: Path) -> Iterator[str]:
    """Paths in the page's code spans, commands' among them."""
    for span in QUOTED.findall(page.read_text("utf-8")):
        for word in span.partition("::")[0].split():
            if FILE.fullmatch(word) or FOLDER.fullmatch(word):
                yield word


@pytest.mark.parametrize("page", PAGE)
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    assert not [name for name in named(page) if not is_there(name)]


@pytest.mark.parametrize("page", PAGE)
def test_the_places_that_a_page_links_to_are_there(page: Path) -> None:
    for link in LINK.finditer(page.read_text("utf-8")):
        there = page.parent / link["path"] if link["path"] else page
        assert there.exists(), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors(there), link[0]


def anchors(page: Path) -> set[str]:
    """What a page's headings are called, on GitHub as in the site."""
    headings = HEADING.findall(page.read_text("utf-8"))
    plain = (re.sub(r"[^\w\s-]", "", each.lower()).strip() for each in headings)
    return {re.sub(r"\s", "-", each) for each in plain}


def test_every_page_is_in_the_sites_navigation() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    pages = [*leaves(site["nav"])]
    docs = (ROOT / "docs").rglob("*.md")
    assert sorted(pages) == sorted(
        path.relative_to(ROOT / "docs").as_posix() for path in docs
    )


def leaves(nav: Any) -> Iterator[str]:
    """The pages of a navigation."""
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else ():
        yield from leaves(each)
    for each in nav if isinstance(nav, list) else ():
        yield from leaves(each)


def test_the_reference_is_what_the_sections_say() -> None:
    """`python docs/building/fields.py` makes it so."""
    made = dict(runpy.run_path(str(ROOT / "docs/building/fields.py"))["pages"]())
    there = (ROOT / "docs/reference").glob("*.md")
    assert made == {path.name: path.read_text("utf-8") for path in there}


def test_every_block_of_the_migration_page_is_run_somewhere() -> None:
    """By a session of `tests/NAME/test_api.py`, or it is a file that others read."""
    text = (ROOT / "docs/migration.md").read_text("utf-8")
    marks = re.findall(r"(<!-- (?:run|file): .+ -->\n)?```\w+\n", text)
    assert len(marks) > 10
    assert all(marks)
    sessions = {
        name
        for run in re.findall(r"<!-- run: (.+) -->", text)
        for name in run.split(", ")
    }
    for name in sessions:
        test = ROOT / "tests" / name / "test_api.py"
        assert "run_page(" in test.read_text("utf-8")


def test_the_tests_of_the_guarantees_are_there() -> None:
    """`file::test`; without a file the test is in the one before."""
    text, file = (ROOT / "docs/search.md").read_text("utf-8"), ""
    cited = list(TEST.finditer(text))
    assert len(cited) > 10
    for one in cited:
        file = one["file"] or file
        assert f"def {one['test']}(" in (ROOT / file).read_text("utf-8"), one[0]


def test_the_pages_that_code_cites_are_there() -> None:
    code = [ROOT / path[1:] for path in paths() if path.endswith((".py", ".j2"))]
    cited = {page for path in code for page in CITED.findall(path.read_text("utf-8"))}
    assert not [page for page in cited if not (ROOT / page).exists()]
