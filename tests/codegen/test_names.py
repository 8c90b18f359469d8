"""The user's names in a script: kept where they can be, never hiding the script's own."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narrowcast.codegen.names import MISREAD, RESERVED, imported, variables
from narrowcast.spec.spec import PythonObject

names = (
    st.sampled_from(sorted(RESERVED | MISREAD | {*keyword.kwlist}))
    | st.sampled_from(["_", "__", "_x", "input_x", "labels_", "labels__", "__debug__"])
    | st.from_regex(r"[a-z_]{1,4}", fullmatch=True)
)


@given(st.lists(names, unique=True))
def test_variables_are_distinct_and_usable(wanted: list[str]) -> None:
    found = variables(wanted)
    assert len(set(found)) == len(wanted)
    assert not set(found) & (RESERVED | MISREAD)
    assert not any(name.startswith("_") for name in found)
    compile(f"{', '.join(found)}, = x" if found else "", "", "exec")


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("image", "image"),
        ("größe", "größe"),
        ("match", "match"),
        ("class", "class_"),
        ("torch", "torch_"),
        ("l", "l_"),
        ("_", "input_"),
        ("_1", "input_1"),
    ],
)
def test_variable(name: str, variable: str) -> None:
    assert variables([name]) == (variable,)


@pytest.mark.parametrize(
    ("name", "what", "expression"),
    [
        ("make", "make", "make"),
        ("Net.small", "Net", "Net.small"),
        ("torch", "torch as user_torch", "user_torch"),
        ("Path.home", "Path as user_Path", "user_Path.home"),
    ],
)
def test_imported(name: str, what: str, expression: str) -> None:
    assert imported(PythonObject("pkg.mod", name)) == ("pkg.mod", what, expression)
