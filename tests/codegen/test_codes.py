"""Each error has a code, each code an explanation, and the page has them all."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from narrowcast import ends, runtime
from narrowcast.cli import app
from narrowcast.codes import document, explained_code, is_code
from narrowcast.codes.table import ENTRIES
from narrowcast.runtime.common import errors
from narrowcast.runtime.common.errors import NarrowcastError
from narrowcast.runtime.common.telling import failures
from narrowcast.spec import SpecError, loads
from narrowcast.spec.reading.codes import Code

ROOT = Path(__file__).parents[2]
FORM = re.compile(r"""["'](NC\d{3})["']""")


def raised() -> dict[str, type[NarrowcastError]]:
    """Code → the error of the runtime's that has it; adapters have none of their own."""
    for each in pkgutil.walk_packages(runtime.__path__, "narrowcast.runtime."):
        if ".frameworks." not in each.name and not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    found: dict[str, type[NarrowcastError]] = {}
    waiting: list[type[NarrowcastError]] = [NarrowcastError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if "error_code" in vars(kind):
            assert kind.error_code not in found or not kind.__module__.startswith(
                "narrowcast.runtime"
            ), kind
            found[kind.error_code] = kind
    return found


def test_every_code_that_is_used_is_explained_and_the_other_way_round() -> None:
    used = {*map(str, Code), *raised(), ends.CriterionError.error_code}
    for folder in ("codegen", "runtime", "src/narrowcast"):
        for path in (ROOT / folder).rglob("*.py"):
            if "codes" not in path.parts:
                used |= set(FORM.findall(path.read_text("utf-8")))
    assert used == set(ENTRIES)


def test_no_two_kinds_of_error_share_a_code() -> None:
    kinds = [
        each.error_code
        for _name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, NarrowcastError) and "error_code" in vars(each)
    ]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("code", raised())
def test_what_ends_with_an_error_is_its_exit_code(code: str) -> None:
    assert ENTRIES[code].exit_code == raised()[code].exit_code


@pytest.mark.parametrize("code", [*map(str, Code)])
def test_the_example_of_a_code_of_specs_has_it(code: str) -> None:
    entry = ENTRIES[code]
    if code == Code.UNREADABLE:
        return
    try:
        said = loads(entry.example + "\n").notices
    except SpecError as error:
        said = error.diagnostics
    assert code in {each.code for each in said}
    assert (entry.exit_code is None) == (code >= Code.CHOSEN)


def test_examples_of_other_codes_show_them() -> None:
    shown = [each for each in ENTRIES.values() if "[NC" in each.example]
    assert all(f"[{each.code}]" in each.example for each in shown)


def test_the_page_is_what_the_table_makes() -> None:
    assert (ROOT / "docs/errors.md").read_text("utf-8") == document(), (
        "python -m narrowcast.codes > docs/errors.md"
    )


@pytest.mark.parametrize("code", ENTRIES)
def test_a_code_is_explained(code: str) -> None:
    for asked in (code, code.lower()):
        done = CliRunner().invoke(app, ["explain", asked])
        assert done.exit_code == 0
        assert done.stdout == f"{explained_code(code)}\n"
    entry = ENTRIES[code]
    words = " ".join(done.stdout.split())
    for part in (entry.title, entry.meaning, entry.remedy):
        assert " ".join(part.split()) in words
    assert all(len(line) <= 92 for line in done.stdout.splitlines())


def test_an_unknown_code_is_told() -> None:
    done = CliRunner().invoke(app, ["explain", "NC999"])
    assert done.exit_code == 2
    assert "no error has the code NC999" in done.stderr
    assert is_code("nc999") and not is_code("NC2011")


def test_the_runtimes_endings_are_those_of_the_table() -> None:
    ending = {failures.INTERRUPTED: 130, failures.INTERNAL: 4, failures.MISSED: 1}
    assert {code: ENTRIES[code].exit_code for code in ending} == ending
