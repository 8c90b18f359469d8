"""Each folder of tests/cases is a spec, and to the byte what `generate` makes of it.

After a change that is meant: `python tests/codegen/regenerate.py`, then `git diff`.
"""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted((HERE.parent / "cases").iterdir())
SCRIPTS = sorted((HERE.parent / "cases").glob("*/expected/*.py"))
RULES = ("--select", "E,F,W,I,B,UP,SIM,RUF,C4,PIE,RET", "--ignore", "E501")

produced: Callable[[Path], tuple[int, dict[str, str]]] = cache(
    runpy.run_path(str(HERE / "regenerate.py"))["produced"]
)


def tool(*arguments: str | Path, cwd: Path = ROOT, **environ: str) -> None:
    """Run a Python tool that must have nothing to say."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expected(case: Path) -> dict[str, str]:
    paths = [*case.glob("expected/*"), *case.glob("stderr.txt")]
    return {
        path.relative_to(case).as_posix(): path.read_bytes().decode() for path in paths
    }


def test_there_are_cases_of_both_kinds() -> None:
    assert len(SCRIPTS) >= 10
    assert len(CASES) - len(SCRIPTS) >= 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_output(case: Path) -> None:
    code, files = produced(case)
    assert files == expected(case)
    assert code == (0 if any(name.startswith("expected") for name in files) else 2)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parents[1].name)
def test_script_compiles(script: Path) -> None:
    compile(script.read_text("utf-8"), script.name, "exec", dont_inherit=True)


@pytest.mark.parametrize("rules", [(), RULES], ids=["default rules", "more rules"])
def test_ruff_has_nothing_to_say(rules: tuple[str, ...]) -> None:
    tool("ruff", "check", "--isolated", "--no-cache", *rules, *SCRIPTS)


@pytest.fixture(scope="module")
def formattable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts without the line that keeps formatters out."""
    folder = tmp_path_factory.mktemp("scripts")
    for script in SCRIPTS:
        text = script.read_text("utf-8")
        assert text.count("\n# fmt: off\n") == 1
        (folder / script.name).write_text(text.replace("# fmt: off\n", ""), "utf-8")
    assert len(list(folder.iterdir())) == len(SCRIPTS)
    return folder


def test_ruff_formats_as_it_is(formattable: Path) -> None:
    tool("ruff", "format", "--isolated", "--no-cache", "--diff", formattable)


def test_black_formats_as_it_is(formattable: Path) -> None:
    tool("black", "--config", os.devnull, "--check", "--diff", formattable)


def test_formatters_leave_a_script_alone_that_was_changed_by_hand(
    tmp_path: Path,
) -> None:
    text = SCRIPTS[0].read_text("utf-8") + "x = [1,2,\n3]\n"
    path = tmp_path / "script.py"
    path.write_text(text, "utf-8")
    tool("ruff", "format", "--isolated", "--no-cache", path)
    tool("black", "-q", "--config", os.devnull, path)
    assert path.read_text("utf-8") == text
