"""Text from a spec enters a script as a literal or a comment, whatever it holds."""

import ast
import io
import tokenize
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from narrowcast.codegen import compile_script, render
from narrowcast.spec import SpecError, loads
from narrowcast.spec.spec import is_path

FP32 = {"activation": {"dtype": "fp32"}}
SPEC: dict[str, Any] = {
    "model": {
        "name": "net",
        "framework": "pytorch",
        "factory": "pkg:make",
        "weights": "a.pt",
        "inputs": [{"name": "x", "shape": ["batch", 4], "dtype": "float32"}],
        "outputs": ["logits"],
    },
    "device": "cpu",
    "mixed_precision": {
        "precisions": "bf16",
        "optype_wise": {"softmax": FP32},
        "op_wise": {"head": FP32},
    },
    "evaluation": {
        "accuracy": {
            "metric": {"python": "pkg:Score", "args": {"key": {"inner": ["value"]}}},
            "dataloader": {
                "dataset": {"npz": {"path": "a.npz", "inputs": ["x"], "label": "y"}},
                "last_batch": "rollover",
                "transform": {"Cast": {"dtype": "float32"}},
            },
        }
    },
    "tuning": {"objective": "low_compute"},
}
CSV = {"csv": {"path": "a.csv", "label": 0, "delimiter": ";"}}

ACCURACY = ("evaluation", "accuracy")
DATASET = (*ACCURACY, "dataloader", "dataset")
ARGS = (*ACCURACY, "metric", "args")

PATHS = frozenset({"weights", "path", "factory's path"})
"""Fields whose text is normalised as paths are."""


def made_with(args: Any) -> tuple[tuple[str | int, ...], Any]:
    """Arguments of the factory."""
    return ("model", "factory"), {"python": "pkg:make", "args": args}


Put = Callable[[str], tuple[tuple[str | int, ...], Any]]
"""Hostile text → a path in the spec and the value that is put there."""

TEXTS: dict[str, Put] = {
    "weights": lambda text: (("model", "weights"), f"{text}.pt"),
    "outputs": lambda text: (("model", "outputs"), [text]),
    "op name": lambda text: (("mixed_precision", "op_wise"), {text: FP32}),
    "op type": lambda text: (("mixed_precision", "optype_wise"), {text: FP32}),
    "path": lambda text: ((*DATASET, "npz", "path"), text),
    "array": lambda text: ((*DATASET, "npz", "inputs"), [text]),
    "label": lambda text: ((*DATASET, "npz", "label"), text),
    "argument": lambda text: ((*ARGS, "key"), {"inner": [text]}),
    "inner key": lambda text: ((*ARGS, "key"), {text: ["value"]}),
    "factory's argument": lambda text: made_with({"key": {"inner": [text]}}),
    "factory's inner key": lambda text: made_with({"key": {text: [None, 1.5]}}),
    "factory's path": lambda text: made_with({"key": [f"./{text}"]}),
}
"""Fields that hold any text, which the script then holds to the letter."""

WORDS: dict[str, Put] = {
    "name": lambda text: (("model", "name"), text),
    "framework": lambda text: (("model", "framework"), text),
    "factory": lambda text: (("model", "factory"), text),
    "factory's module": lambda text: (("model", "factory"), f"{text}:make"),
    "factory's argument's name": lambda text: made_with({text: {"inner": ["value"]}}),
    "factory's name": lambda text: (("model", "factory"), f"pkg:{text}"),
    "input": lambda text: (("model", "inputs", 0, "name"), text),
    "symbol": lambda text: (("model", "inputs", 0, "shape", 0), text),
    "dtype": lambda text: (("model", "inputs", 0, "dtype"), text),
    "device": lambda text: (("device",), text),
    "precision": lambda text: (("mixed_precision", "precisions"), text),
    "pinned": lambda text: (
        ("mixed_precision", "op_wise", "head", "activation", "dtype"),
        text,
    ),
    "class": lambda text: ((*ACCURACY, "metric", "python"), f"pkg:{text}"),
    "argument's name": lambda text: (ARGS, {text: {"inner": ["value"]}}),
    "delimiter": lambda text: (DATASET, {"csv": {**CSV["csv"], "delimiter": text}}),
    "last batch": lambda text: ((*ACCURACY, "dataloader", "last_batch"), text),
    "cast": lambda text: (
        (*ACCURACY, "dataloader", "transform", "Cast", "dtype"),
        text,
    ),
    "objective": lambda text: (("tuning", "objective"), text),
}
"""Fields that hold one line, a name or a word of few."""

MARK = "QZX"
PIECES = [
    *"\"'\\\n\r\t\0 #%$`;:,.()[]{}=/é",
    *"\x0b\x0c\x1a\x1c\x7f\x85\xa0\xad\u200b\u202e\u2028\u2029\ufeff\ufffe\U0001f600",
    '"""',
    "'''",
    "\\N{DASH}",
    "\\x41",
    "\\\n",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{# x #}",
    "%s",
    "{x}",
    "# ///",
    "\n# ///\n",
    "# fmt: on",
    "coding=utf-7",
    "-*- coding: latin-1 -*-",
    "import os",
    "\nimport os\n",
    '"\nimport os\n"',
    "'); import os; ('",
    '"""\nimport os\n"""',
    "__import__('os')",
    "l",
    "class",
    "__debug__",
    "ﬁ",
    "\ud800",
    "\udcff",
    "a" * 3000,
]
hostile = st.tuples(
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
).map(MARK.join)


def script(data: Any, spec_name: str = "spec.yaml") -> str:
    """
    Raises:
        SpecError: The spec is refused.
        ValueError: The spec's own name is.
    """
    spec = loads(yaml.safe_dump(data))
    folder = Path("/folder")
    return render(compile_script(spec, folder / spec_name, folder / "script.py"))


def with_value(put: Put, text: str, spec: Any = SPEC) -> Any:
    data = deepcopy(spec)
    path, value = put(text)
    node = data
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return data


class Blank(ast.NodeTransformer):
    """Takes the text out of string constants."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("" if isinstance(node.value, str) else node.value)


def structure(source: str) -> str:
    """Everything that a script does, without what its strings say."""
    return ast.dump(Blank().visit(ast.parse(source)))


def outline(source: str) -> list[tuple[str, str]]:
    """Type and name of each statement at the top."""
    return [
        (type(node).__name__, getattr(node, "name", ""))
        for node in ast.parse(source).body
    ]


def marked(source: str) -> set[int]:
    """The kinds of tokens that the mark stands in."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.type for token in tokens if MARK in token.string}


def strings(source: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def header(source: str) -> list[str]:
    """The lines before the first statement, without what varies with the spec."""
    lines = source[: source.index('\n"""')].splitlines()
    varies = (
        "# source: ",
        "# regenerate: ",
        "# spec = ",
        "# spec-sha256 = ",
        "#     # ",
    )
    return [next((v for v in varies if line.startswith(v)), line) for line in lines]


PLAIN = script(SPEC)


@pytest.mark.few(3)
@pytest.mark.parametrize("field", TEXTS)
@given(text=hostile)
def test_text_is_a_literal(field: str, text: str) -> None:
    assume(not is_path(text))
    put = TEXTS[field]
    try:
        source = script(with_value(put, text))
    except SpecError:
        return
    assert structure(source) == structure(script(with_value(put, "plain")))
    assert header(source) == header(PLAIN)
    assert marked(source) <= {tokenize.STRING, tokenize.COMMENT}
    if field not in PATHS:
        assert text in strings(source)


@pytest.mark.parametrize("field", WORDS)
@given(text=hostile)
def test_word_is_a_literal_a_comment_or_a_name(field: str, text: str) -> None:
    try:
        source = script(with_value(WORDS[field], text))
    except SpecError:
        return
    assert outline(source) == outline(PLAIN)
    assert header(source) == header(PLAIN)
    if not text.replace(".", "").isidentifier():
        assert marked(source) <= {tokenize.STRING, tokenize.COMMENT}


@given(text=hostile.map(lambda text: text.replace("/", "")))
def test_name_of_the_spec_is_a_comment(text: str) -> None:
    try:
        source = script(SPEC, f"{text}.yaml")
    except ValueError:
        assert not text.isprintable() or "coding" in text
        return
    assert structure(source) == structure(PLAIN)
    assert header(source) == header(PLAIN)
    assert marked(source) == {tokenize.COMMENT}
    assert compile(source.encode(), "script.py", "exec", dont_inherit=True)


@given(data=st.data())
def test_all_texts_at_once(data: st.DataObject) -> None:
    """What is refused nowhere keeps its structure together with all else."""
    spec: Any = SPEC
    for field in ("outputs", "array", "label", "argument"):
        spec = with_value(TEXTS[field], data.draw(hostile), spec)
    try:
        source = script(spec)
    except SpecError:
        return
    assert structure(source) == structure(PLAIN)


ACCEPTED = "it's \"\"\" ''' \\ \n \r \t \x85 \u2028 {{ 7 }} {% x %} # %s \\N{DASH} ﬁ"


@pytest.mark.parametrize("field", sorted(TEXTS.keys() - PATHS - {"op name"}))
def test_hostile_text_is_kept_to_the_letter(field: str) -> None:
    assert ACCEPTED in strings(script(with_value(TEXTS[field], ACCEPTED)))


def test_hostile_name_is_kept_in_the_title() -> None:
    name = "it's {{ 7 }} {% x %} # %s ﬁ"
    tree = ast.parse(script(with_value(WORDS["name"], name)))
    assert f"Convert {name} (PyTorch)" in (ast.get_docstring(tree) or "")
