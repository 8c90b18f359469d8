"""Values as source: what is written evaluates to the value, in ruff's form."""

import ast
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.codegen.writing.code import (
    Code,
    comment,
    docstring,
    dotted,
    literal,
    only_code,
    toml,
)

texts = st.text(st.characters(), max_size=12) | st.text("\"'\\n\n\t{}% ", max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=10,
)


def formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache"]
    done = subprocess.run(
        [*command, "--line-length", "320", "-"],
        input=source,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


@given(plain)
def test_literal_evaluates_to_the_value(value: Any) -> None:
    read = ast.literal_eval(literal(value))
    assert read == value
    assert repr(read) == repr(value)


@given(plain)
def test_literal_is_one_line_of_text_that_can_be_encoded(value: Any) -> None:
    assert literal(value).isprintable()
    literal(value).encode()


@settings(max_examples=10, deadline=None)
@given(st.lists(plain, min_size=40, max_size=40))
def test_formatters_leave_literals_alone(values: list[Any]) -> None:
    short = [text for text in map(literal, values) if len(text) <= 300]
    source = "".join(f"x = {text}\n" for text in short)
    assert formatted(source) == source


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("it's", '"it\'s"'),
        ('say "x"', "'say \"x\"'"),
        ("'\"", '"\'\\""'),
        (r"head\..*", 'r"head\\..*"'),
        (r"it's \d", 'r"it\'s \\d"'),
        (r'"\d"', "'\"\\\\d\"'"),
        (r"'\"\d", '"\'\\\\\\"\\\\d"'),
        ("a\\", '"a\\\\"'),
        ("a\\\n", '"a\\\\\\n"'),
        ("\u2028", '"\\u2028"'),
        ("größe", '"größe"'),
        ("\ud800", '"\\ud800"'),
        ((), "()"),
        ((1,), "(1,)"),
        ([1], "[1]"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": [True, None]}, '{"a": [True, None]}'),
        (1e-05, "1e-05"),
        (1e16, "1e16"),
        (float("inf"), 'float("inf")'),
        (float("-inf"), 'float("-inf")'),
        (float("nan"), 'float("nan")'),
    ],
)
def test_literal(value: object, source: str) -> None:
    assert literal(value) == source


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), 1j, [b"x"], {1: 2}])
def test_what_has_no_literal(value: object) -> None:
    if value == {1: 2}:
        assert literal(value) == "{1: 2}"
        return
    with pytest.raises(TypeError, match="has no literal"):
        literal(value)


@pytest.mark.parametrize("name", ["a", "a.b", "größe.λ", "_x", "match"])
def test_dotted(name: str) -> None:
    assert dotted(name) == name


@pytest.mark.parametrize(
    "name", ["", "a.", "a b", "a;b", "1a", "class", "a.None", "a()", "__debug__", "a\n"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not a Python name"):
        dotted(name)


@given(texts)
def test_comment_stays_a_comment(text: str) -> None:
    """In the second line, too, where Python looks for an encoding."""
    try:
        source = f"# first\n# {comment(text)}\n"
    except ValueError:
        assert not text.isprintable() or "coding" in text
        return
    assert ast.dump(ast.parse(source.encode())) == ast.dump(ast.parse(""))
    assert text in source


@pytest.mark.parametrize(
    "text", ["a\nb", "\r", "\x85", "\u2028", "\0", "\ud800", "\x1b"]
)
@pytest.mark.parametrize("write", [comment, docstring, toml])
def test_line_that_would_end(write: Any, text: str) -> None:
    with pytest.raises(ValueError, match="rename it"):
        write(text)


@pytest.mark.parametrize("text", ["coding: x", "my encoding=latin-1.yaml", "coding:"])
def test_comment_that_would_be_an_encoding(text: str) -> None:
    with pytest.raises(ValueError, match="an encoding"):
        comment(text)


@given(texts.filter(str.isprintable))
def test_docstring_stays_one(text: str) -> None:
    written = docstring(f"{text}.")
    (statement,) = ast.parse(f'"""{written}"""').body
    assert isinstance(statement, ast.Expr)
    assert ast.literal_eval(statement.value) == written
    assert len(written) == len(text) + 1


@given(texts.filter(str.isprintable))
def test_toml_reads_as_the_text(text: str) -> None:
    import tomllib

    assert tomllib.loads(f"x = {toml(text)}") == {"x": text}


def test_templates_print_code_only() -> None:
    assert only_code(Code("x")) == "x"
    for value in ("x", 1, None, [Code("x")]):
        with pytest.raises(TypeError, match="raw"):
            only_code(value)
