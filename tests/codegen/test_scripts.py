"""What every generated script is: steps in the framework's own API, not a spec as data."""

import ast
import posixpath
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from narrowcast.codegen.frameworks import factory, framework_of
from narrowcast.codegen.names import NUMBERED, RESERVED, SAMPLE, variables
from narrowcast.spec import Spec, load
from narrowcast.spec.sections.document import Document

SCRIPTS = sorted((Path(__file__).parents[1] / "cases").glob("*/expected/*.py"))
OURS = {
    *("narrowcast", "numpy", "torch", "safetensors", "tensorflow", "keras", "mxnet"),
    *sys.stdlib_module_names,
}
SCORED = (
    "run.require run.load subject.scored_by subject.trace conversion.replay "
    "conversion.search run.check run.finish"
)
JUDGED = (
    "run.require run.load subject.judged_by subject.trace conversion.replay "
    "conversion.search run.check run.finish"
)
UNJUDGED = (
    "run.require run.load subject.trace conversion.replay conversion.everything_low "
    "run.check run.finish"
)
EACH = "run.require run.load subject.judged_by run.better run.finish"
"""What is done once where each of several precisions is tried."""

TENSORS = {
    "pytorch": "torch.from_numpy",
    "tensorflow": "tf.constant",
    "mxnet": "mx.nd.array",
}


def _sections() -> Iterator[str]:
    """The keys of a spec that hold more keys."""
    schema = Document.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name, field in part.get("properties", {}).items():
            if "Section" in str(field.get("$ref", field.get("anyOf"))):
                yield name


SECTIONS = {*_sections()} - {"inputs"}

each_script = pytest.mark.parametrize(
    "script", SCRIPTS, ids=lambda path: path.parents[1].name
)


def parsed(script: Path) -> ast.Module:
    return ast.parse(script.read_text("utf-8"))


def spec_of(script: Path) -> Spec:
    return load(script.parents[1] / "spec.yaml")


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    (found,) = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return found


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls in the order in which they are made."""
    for child in ast.iter_child_nodes(node):
        yield from calls(child)
    if isinstance(node, ast.Call):
        yield node


def named(node: ast.AST) -> Iterator[str]:
    """Dotted names in the order in which they are evaluated, a call's last."""
    if isinstance(node, ast.Call):
        for part in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from named(part)
        yield from named(node.func)
    elif isinstance(node, ast.Name | ast.Attribute):
        yield ast.unparse(node)
    else:
        for child in ast.iter_child_nodes(node):
            yield from named(child)


def in_order(wanted: str, found: Iterator[str]) -> bool:
    """Whether all words are found, each after the one before."""
    return all(word in found for word in wanted.split())


def holds_sections(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(SECTIONS & set(value)) or any(map(holds_sections, value.values()))
    return isinstance(value, list) and any(map(holds_sections, value))


def spec_as_data(tree: ast.Module) -> Iterator[str]:
    """Every place where a part of a spec stands as data."""
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if keys & SECTIONS:
                yield f"{where}: a mapping with the keys of a spec"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict":
            yield f"{where}: a mapping by keywords"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                data = yaml.safe_load(node.value)
            except yaml.YAMLError:
                continue
            if holds_sections(data):
                yield f"{where}: a spec as text"
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            if any(is_reader(base + alias.name) for alias in node.names):
                yield f"{where}: something that reads a spec"


def is_reader(module: str) -> bool:
    top, *rest = module.split(".")
    upstream = top == "narrowcast" and rest[:1] in (["spec"], ["codegen"])
    return upstream or top in {"yaml", "json", "tomllib", "pydantic", "pickle"}


def test_sections_are_found() -> None:
    assert {"model", "evaluation", "dataloader", "accuracy_criterion"} <= SECTIONS


@each_script
def test_no_spec_as_data(script: Path) -> None:
    assert list(spec_as_data(parsed(script))) == []


@pytest.mark.parametrize(
    "line",
    [
        'SPEC = {"model": {"name": "net"}}',
        'SPEC = {"x": [{"evaluation": None}]}',
        "SPEC = dict(model=dict(name='net'))",
        "SPEC = 'model:\\n  name: net\\n'",
        """SPEC = '{"model": {"name": "net"}}'""",
        "import yaml",
        "from json import loads",
        "from narrowcast.spec import load",
        "from narrowcast import codegen",
    ],
)
def test_spec_as_data_is_caught(line: str) -> None:
    assert list(spec_as_data(ast.parse(line)))


LOADERS = {
    "tensorflow": [
        ["load_saved_model"],
        ["load_frozen_graph"],
        ["load_keras"],
        ["keras.utils.set_random_seed", "build", "load_keras_weights", "keras_model"],
        ["keras.utils.set_random_seed", "build", "keras_model"],
    ],
    "mxnet": [
        ["load_symbol"],
        ["mx.random.seed", "LstmNet", "load_parameters", "block_model"],
    ],
    "onnx": [["load_onnx"]],
}


@each_script
def test_model_is_loaded_in_the_frameworks_own_words(script: Path) -> None:
    model = spec_of(script).model
    name = "open_model" if model.supplied else "load_model"
    loader = function(parsed(script), name)
    named = [ast.unparse(call.func) for call in calls(loader)]
    made = [name for name in named if name != "path_argument"]
    assert (made != named) == bool(factory.paths(model))
    if model.supplied:
        assert made == ["open_supplied"]
        return
    if model.framework != "pytorch":
        assert made in LOADERS[model.framework]
        return
    if model.path is not None:
        assert [name.rpartition(".")[2] for name in made] == ["open_pt2", "module"]
        return
    assert made[0] == "torch.manual_seed"
    assert made[-1] in {"model.eval", "model.eval().to"}
    readers = {"load_safetensors", "load_sharded", "load_state_dict"} & {*made}
    if model.weights is None:
        assert not readers
    elif model.weights.lower().endswith(".safetensors"):
        assert readers == {"load_safetensors"}
    elif model.weights.lower().endswith(".safetensors.index.json"):
        assert readers == {"load_sharded"}
    else:
        assert readers == {"load_state_dict"}
        assert f"weights_only={not model.trust}" in ast.unparse(loader)


MODELS = ("MODEL", "MODEL_2", "WEIGHTS")
DATA = ("DATA", "IMAGE_LIST", "CONTENT", "STYLE")
FILES = dict.fromkeys(MODELS, "load_model") | dict.fromkeys(DATA, "dataset")
"""What a script calls a file → the function that reads it."""


@each_script
def test_a_path_is_written_once(script: Path) -> None:
    """As a constant, which the plan's provenance and one function name."""
    spec, tree = spec_of(script), parsed(script)
    paths = {"MODEL": spec.model.path, "WEIGHTS": spec.model.weights}
    paths |= factory.paths(spec.model)
    paths |= getattr(spec.evaluation.dataset, "files", {})
    constants = {
        ast.unparse(node.targets[0]): ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    for name, reader in FILES.items():
        if (path := paths.get(name)) is None:
            assert name not in constants
            continue
        assert constants[name] == f"HERE / {posixpath.normpath(path)!r}"
        read = [node for node in ast.walk(tree) if ast.unparse(node) == name]
        users = constants["SOURCES"], ast.unparse(function(tree, reader))
        assert len(read) == 3 and all(name in user for user in users)


@each_script
def test_trust_is_said_in_plain_sight(script: Path) -> None:
    """The call says so, and a comment above it what that means."""
    text = script.read_text("utf-8")
    trusted = spec_of(script).model.trust
    assert ("trust=True" in text or "weights_only=False" in text) == trusted
    assert ("# model.trust in the spec: code in this file" in text) == trusted


@each_script
def test_batches_are_made_in_the_frameworks_own_api(script: Path) -> None:
    loop = function(parsed(script), "batches")
    made = [ast.unparse(call.func) for call in calls(loop)]
    model = spec_of(script).model
    if "data.batches" in made:
        tensor = TENSORS.get(model.framework, "np.asarray")
        assert made.count(tensor) == 1
    elif tensor := TENSORS.get(model.framework):
        given = [one for one in model.inputs if not one.value]
        assert made.count(tensor) == len(given or ("x",))
    else:
        assert not {*TENSORS.values()} & {*made}


def is_judged(spec: Spec) -> bool:
    """Whether there is a criterion: where nothing is executed, there is none."""
    return spec.evaluation.criterion is not None


def converting(tree: ast.Module) -> ast.FunctionDef:
    """The function that converts to one precision."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return function(tree, "convert_to" if "convert_to" in names else "convert")


@each_script
def test_steps_are_taken_in_order(script: Path) -> None:
    spec, tree = spec_of(script), parsed(script)
    wanted = JUDGED if is_judged(spec) else UNJUDGED
    if spec.evaluation.eval_func:
        wanted = SCORED
    if len(spec.precisions) > 1:
        assert in_order(EACH, named(function(tree, "convert")))
        done = EACH.split()
        wanted = " ".join(step for step in wanted.split() if step not in done)
    assert in_order(wanted, named(converting(tree)))


@each_script
def test_the_adapter_is_named_once(script: Path) -> None:
    """What it is asked for, the runtime knows; the model is loaded in its own words."""
    package, adapter = framework_of(spec_of(script)).adapter
    tree = parsed(script)
    assert f"from {package} import {adapter}" in ast.unparse(tree)
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == adapter]
    assert len(uses) == 1


@each_script
def test_steps_are_given_objects(script: Path) -> None:
    """Names and calls, never a string that selects, or a mapping."""
    tree = parsed(script)
    judged = is_judged(spec_of(script))
    wanted = "conversion.search" if judged else "conversion.everything_low"
    (search,) = (
        call for call in calls(converting(tree)) if ast.unparse(call.func) == wanted
    )
    assert all(isinstance(one, ast.Name | ast.Call) for one in search.args)
    assert not search.keywords
    made = {
        node.targets[0].id: ast.unparse(node.value.func)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
    }
    limits = {"CRITERION": "Criterion", "BUDGET": "Budget"} if judged else {}
    several = {
        node.targets[0].id: {ast.unparse(each.func) for each in node.value.elts}
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Tuple)
        and all(isinstance(each, ast.Call) for each in node.value.elts)
    }
    if several.get("CRITERION") == {"Criterion"}:  # one for each of several metrics
        del limits["CRITERION"]
    if len(spec_of(script).precisions) == 1:
        limits["REQUIREMENTS"] = "Requirements"
    wanted_objects = {"PINS": "Pins", **limits}
    assert wanted_objects.items() <= made.items()


def bound(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a script binds or reads, with the module that they come from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name, ""
            yield from ((argument.arg, "") for argument in node.args.args)
        elif isinstance(node, ast.Name):
            yield node.id, ""
        elif isinstance(node, ast.ImportFrom):
            yield from ((a.asname or a.name, node.module or "") for a in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.asname or a.name, a.name) for a in node.names)


def own_names(script: Path) -> set[str]:
    """The names that a script uses and that don't come from the spec."""
    found = list(bound(parsed(script)))
    users = {
        name for name, module in found if module and module.split(".")[0] not in OURS
    }
    users |= set(variables(one.name for one in spec_of(script).model.inputs) or "x")
    numbered = {name for name, _module in found if NUMBERED.match(name)}
    return {name for name, _module in found} - users - numbered


def test_every_name_that_scripts_use_is_reserved() -> None:
    used = set().union(*map(own_names, SCRIPTS))
    assert used - RESERVED - SAMPLE == {"__file__", "__name__"}
    assert (RESERVED | SAMPLE) - used == set()
