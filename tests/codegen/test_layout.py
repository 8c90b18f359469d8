"""Source is broken into lines as ruff and black break it."""

import ast
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.codegen.constants import here
from narrowcast.codegen.evaluation.transforms.section import steps
from narrowcast.codegen.evaluation.transforms.step import Place
from narrowcast.codegen.writing.code import Code, literal
from narrowcast.codegen.writing.layout import (
    WIDTH,
    Group,
    call,
    laid_out,
    list_of,
    tuple_of,
    values,
    wrapped,
    yaml_value,
)
from narrowcast.spec.sections.transforms.elementwise import (
    Cast,
    Normalize,
    Rescale,
    Transpose,
)
from narrowcast.spec.sections.transforms.layout import Ends

words = st.text("abcdefgh_", min_size=1, max_size=30).map(lambda text: f"x{text}")
scalars = st.none() | st.booleans() | st.integers() | words
data = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(words, inner, max_size=5)
    ),
    max_leaves=25,
)
arguments = st.dictionaries(words, data, max_size=5)


def thawed(value: Any) -> Any:
    """YAML data with lists in place of the tuples that the reader makes."""
    if isinstance(value, tuple):
        return [thawed(item) for item in value]
    if isinstance(value, dict):
        return {key: thawed(item) for key, item in value.items()}
    return value


def is_stable(path: Path, source: str) -> None:
    """Both formatters leave the source alone."""
    for tool in (
        ("ruff", "format", "--isolated", "--no-cache"),
        ("black", "-q", "--config", os.devnull),
    ):
        path.write_text(source, "utf-8")
        subprocess.run([sys.executable, "-m", *tool, str(path)], check=True)
        assert path.read_text("utf-8") == source, tool[0]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layout") / "source.py"


@given(data)
def test_lists_of_yaml_are_lists_again(value: Any) -> None:
    group = yaml_value(value)
    source = laid_out("x = ", group) if isinstance(group, Group) else f"x = {group}"
    (statement,) = ast.parse(source).body
    assert isinstance(statement, ast.Assign)
    assert ast.literal_eval(statement.value) == thawed(value)


@given(arguments)
def test_call_passes_its_arguments(wanted: dict[str, Any]) -> None:
    source = laid_out("", call("f", **{k: yaml_value(v) for k, v in wanted.items()}))
    called = ast.parse(source, mode="eval").body
    assert isinstance(called, ast.Call)
    found = {k.arg: ast.literal_eval(k.value) for k in called.keywords}
    assert found == thawed(wanted)


def test_any_argument_can_be_passed() -> None:
    names = ("function", "self", "arguments", "name", "cls")
    one = Code("1")
    text = laid_out("", call("f", **dict.fromkeys(names, one)))
    assert text == "f(function=1, self=1, arguments=1, name=1, cls=1)"


@settings(max_examples=6, deadline=None)
@given(st.lists(arguments, min_size=20, max_size=20), st.integers(0, 2))
def test_formatters_leave_calls_alone(
    file: Path, many: list[dict[str, Any]], level: int
) -> None:
    margin = " " * 4 * level
    lines = [f"{'    ' * k}if x:\n" for k in range(level)]
    for one in many:
        inner = call("f", **{k: yaml_value(v) for k, v in one.items()})
        outer = Group("g(", (("", inner),), ")")
        lines += [margin + laid_out("y = ", inner, 4 * level) + "\n"]
        lines += [margin + laid_out("y = ", outer, 4 * level) + "\n"]
        lines += [margin + laid_out("y = ", tuple_of([inner]), 4 * level) + "\n"]
    is_stable(file, "".join(lines))


@settings(max_examples=3, deadline=None)
@given(st.data())
def test_formatters_leave_paths_and_names_alone(
    file: Path, data: st.DataObject
) -> None:
    lines = []
    for length in data.draw(st.lists(st.integers(1, 110), min_size=30, max_size=30)):
        lines += [here(name, "p" * length, "../x") for name in ("DATA", "WEIGHTS")]
        lines.append(wrapped("NAME = ", literal("n" * length)))
    is_stable(file, "\n".join(lines) + "\n")


def test_formatters_leave_transforms_alone(file: Path) -> None:
    """Names of all lengths from one character up to as long as reads well."""
    transforms = (
        Transpose(perm=(2, 0, 1)),
        Rescale(),
        Normalize(mean=(0.1307,), std=(0.3081,)),
        Normalize(mean=(-0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        Normalize(mean=(0.123456789,) * 9, std=(1.0,) * 9),
        Cast(dtype="float32"),
    )
    blocks = []
    for length, framework in product(range(1, 40), ("pytorch", "tensorflow")):
        at = Place(Code("n" * length), -1, batched=True, indent=8)
        found = steps(transforms, at, Ends(False, framework, None))
        lines = [line for step in found for line in step.statements]
        blocks += [f"        {line}\n" for line in lines]
    is_stable(file, "if x:\n    if y:\n" + "".join(blocks))


@pytest.mark.parametrize(
    ("extra", "lines"), [(0, ["xxx = f(a={a}, b=2)"]), (1, ["xxx = f(", "    a={a},"])]
)
def test_breaks_only_what_is_too_long(extra: int, lines: list[str]) -> None:
    a = "1" * (WIDTH - len("xxx = f(a=, b=2)") + extra)
    text = laid_out("xxx = ", call("f", a=Code(a), b=Code("2")))
    assert text.splitlines()[: len(lines)] == [line.format(a=a) for line in lines]


def test_tuple_of_one_keeps_its_comma() -> None:
    assert laid_out("", values(["a"])) == '("a",)'
    assert laid_out("", values([])) == "()"
    assert laid_out("", list_of([Code("a")])) == "[a]"


@pytest.mark.parametrize(
    ("path", "folder", "joined"),
    [
        ("a.pt", "", "a.pt"),
        ("./d/../a.pt", "", "a.pt"),
        ("../a.pt", "", "../a.pt"),
        ("a.pt", "..", "../a.pt"),
        ("../a.pt", "sub", "a.pt"),
        ("/abs/a.pt", "..", "/abs/a.pt"),
    ],
)
def test_path_from_the_scripts_folder(path: str, folder: str, joined: str) -> None:
    assert here("DATA", path, folder) == f'DATA = HERE / "{joined}"'
