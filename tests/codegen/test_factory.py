"""What a user's factory is called with, as a script has it."""

import ast
from pathlib import Path
from typing import Any

import pytest

from narrowcast.codegen import compile_script, render
from narrowcast.spec import SpecError, canonical, loads

SPEC = """
model:
  name: net
  framework: {framework}
  factory: {factory}
  inputs: [{{name: x, shape: [batch, 4]}}]
"""


def script(factory: str, framework: str = "pytorch", folder: str = "") -> str:
    spec = loads(SPEC.format(framework=framework, factory=factory))
    root = Path("/root")
    return render(compile_script(spec, root / folder / "s.yaml", root / "s.py"))


def called(text: str, name: str) -> dict[str, str]:
    """The keyword arguments of the one call of a function."""
    (call,) = (
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    )
    assert call.args == []
    return {str(each.arg): ast.unparse(each.value) for each in call.keywords}


def constants(text: str) -> dict[str, str]:
    return {
        ast.unparse(node.targets[0]): ast.unparse(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
    }


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow", "mxnet"])
def test_arguments_are_literals_by_name(framework: str) -> None:
    args = "{z: 1, a: [x, ~, 1.5, true], m: {k: {l: []}}, t: 'it''s\n\n  \"{x}\"'}"
    found = called(script(f"{{python: 'm:C.make', args: {args}}}", framework), "C.make")
    assert {name: ast.literal_eval(value) for name, value in found.items()} == {
        "z": 1,
        "a": ["x", None, 1.5, True],
        "m": {"k": {"l": []}},
        "t": 'it\'s\n"{x}"',
    }
    assert list(found) == sorted(found)


@pytest.mark.parametrize("args", ["", ", args: {}", ", args: ~"])
def test_without_arguments_it_is_what_its_name_alone_is(args: str) -> None:
    assert script(f"{{python: 'm:make'{args}}}") == script("m:make")
    first, second = (
        loads(SPEC.format(framework="pytorch", factory=factory))
        for factory in (f"{{python: 'm:make'{args}}}", "m:make")
    )
    assert canonical(first) == canonical(second)


@pytest.mark.parametrize(("folder", "before"), [("", ""), ("specs", "specs/")])
def test_paths_are_relative_to_the_spec_and_named_once(
    folder: str, before: str
) -> None:
    args = "{a: ./model, b: {c: [../x/y, ./model/]}, d: model, e: .hidden, f: .}"
    text = script(f"{{python: 'm:make', args: {args}}}", folder=folder)
    named = constants(text)
    assert named["MODEL"] == f"HERE / '{before}model'"
    assert named["MODEL_2"] == ("HERE / 'x/y'" if folder else "HERE / '../x/y'")
    assert "model=(MODEL, MODEL_2, MODEL_3)" in named["SOURCES"]
    assert called(text, "make") == {
        "a": "path_argument(MODEL)",
        "b": "{'c': [path_argument(MODEL_2), path_argument(MODEL_3)]}",
        "d": "'model'",
        "e": "'.hidden'",
        "f": "'.'",
    }


@pytest.mark.parametrize("name", ["MODEL", "MODEL_2", "path_argument", "HERE"])
def test_a_factory_hides_nothing_that_it_is_called_with(name: str) -> None:
    text = script(f"{{python: 'm:{name}', args: {{a: ./x, b: ./y}}}}")
    assert f"from m import {name} as user_{name}\n" in text
    assert called(text, f"user_{name}")["b"] == "path_argument(MODEL_2)"


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("{args: {a: 1}}", "model.factory.python: is required"),
        ("{python: m}", "model.factory.python: `m` does not name a Python object"),
        ("[m:make]", "model.factory: this names no factory"),
        ("5", "or {python: package.module:callable"),
        (
            "{python: 'm:make', args: [1]}",
            "model.factory.args: expected a mapping, found a list",
        ),
        (
            "{python: 'm:make', args: {a-b: 1}}",
            "model.factory.args['a-b']: `a-b` is not",
        ),
        ("{python: 'm:make', args: {'a=1, b': 1}}", "`a=1, b` is not a Python name"),
        ("{python: 'm:make', arg: {}}", "did you mean `args`?"),
        ("{python: 'm:make', args: {a: !!python/name:os.system x}}", "not allowed"),
    ],
)
def test_what_is_no_factory_is_named_at_its_place(factory: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(SPEC.format(framework="pytorch", factory=factory))
    assert said in str(caught.value)


def errors(model: str) -> str:
    with pytest.raises(SpecError) as caught:
        loads(f"model: {{name: net, {model}}}")
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("framework: pytorch, factory: 'm:f', strip_prefix: a.", "goes with `weights`"),
        ("framework: pytorch, path: a.pt2, strip_prefix: a.", "goes with `weights`"),
        (
            "framework: tensorflow, factory: 'm:f', weights: a.h5, strip_prefix: a.",
            "is for PyTorch's weights",
        ),
        (
            "framework: mxnet, factory: 'm:f', weights: a.params, strip_prefix: a.",
            "is for PyTorch's weights",
        ),
        ("framework: onnx, path: a.onnx, strip_prefix: a.", "is not for onnx models"),
        (
            "framework: pytorch, factory: 'm:f', weights: a.pt, strip_prefix: 0.",
            "quote it: '0.'",
        ),
        (
            "framework: pytorch, factory: 'm:f', weights: a.pt, strip_prefix: ''",
            "the text is empty",
        ),
        (
            "framework: pytorch, factory: 'm:f', weights: a.safetensors.index.json, "
            "trust: true",
            "here is none",
        ),
        (
            "framework: pytorch, factory: 'm:f', weights: pytorch_model.bin.index.json",
            "is not a kind of weights that can be read",
        ),
        (
            "framework: pytorch, path: model.safetensors.index.json",
            "weights, a pickled module or TorchScript",
        ),
    ],
)
def test_what_goes_with_no_weights_is_refused(model: str, said: str) -> None:
    assert said in errors(model)


def test_a_model_from_code_takes_the_place_of_all_that_says_one() -> None:
    from narrowcast.writing import Set, Written, generated

    data: dict[str, Any] = {
        "name": "net",
        "framework": "pytorch",
        "factory": {"python": "m:f", "args": {"a": "./b"}},
        "weights": "a.pt",
        "strip_prefix": "module.",
        "inputs": [{"name": "x", "shape": ["batch", 4]}],
    }
    given = Written(None, {"model": data})
    made = generated(given, Set(supplied=frozenset({"model"})))
    assert made.spec.model.supplied
    assert "strip_prefix" not in made.yaml
