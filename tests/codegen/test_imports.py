"""Import lines are those that ruff's isort rules would make."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.codegen.writing.imports import import_lines

NAMES = ("A100", "Run", "TopK", "X", "cache", "cut", "zeta")
names = st.sampled_from(NAMES)
modules = st.sampled_from(
    ["__future__", "collections.abc", "pathlib", "pkg.data", "pkg.net", "typing", "zoo"]
)
plain = st.sampled_from([("numpy as np", ""), ("sys", ""), ("torch", "")])
pairs = st.tuples(modules.filter(lambda name: name != "__future__"), names)
wanted = st.lists(plain | pairs, min_size=1, max_size=25)


@given(wanted, st.randoms())
def test_order_and_repetition_mean_nothing(
    imports: list[tuple[str, str]], random: object
) -> None:
    assert import_lines(reversed(imports)) == import_lines(imports)
    assert import_lines(imports * 2) == import_lines(imports)


@settings(max_examples=20, deadline=None)
@given(wanted)
def test_ruff_would_not_sort_them_otherwise(imports: list[tuple[str, str]]) -> None:
    source = import_lines([("__future__", "annotations"), *imports]) + "\n"
    for command in (
        ["check", "--select", "I", "--diff", "--stdin-filename", "x.py"],
        ["format", "--diff", "--stdin-filename", "x.py"],
    ):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "-"],
            input=source.encode(),
            check=True,
        )


def test_sections() -> None:
    imports = [
        ("torch", ""),
        ("pathlib", "Path"),
        ("__future__", "annotations"),
        ("sys", ""),
        ("pkg", "b"),
        ("pkg", "A"),
    ]
    assert import_lines(imports).splitlines() == [
        "from __future__ import annotations",
        "",
        "import sys",
        "from pathlib import Path",
        "",
        "import torch",
        "from pkg import A, b",
    ]


def test_long_import_is_broken_at_its_indentation() -> None:
    module, name = "m" * 60, "build_the_model"
    assert import_lines([(module, name)], indent=0) == f"from {module} import {name}"
    assert import_lines([(module, name)], indent=4) == (
        f"from {module} import (\n        {name},\n    )"
    )


def test_order_is_the_same_under_every_python() -> None:
    """Modules that later Pythons dropped are the user's like any other."""
    imports = [("cgi.net", "make"), ("torch", ""), ("sys", "")]
    assert (
        import_lines(imports) == "import sys\n\nimport torch\nfrom cgi.net import make"
    )
    cases = Path(__file__).parents[1] / "cases"
    for script in cases.glob("*/expected/*.py"):
        head = script.read_text("utf-8").partition("if TYPE_CHECKING")[0]
        standard = head.partition("annotations\n\n")[2].partition("\n\n")[0]
        for line in standard.splitlines():
            top = line.split()[1].partition(".")[0]
            assert top in sys.stdlib_module_names
