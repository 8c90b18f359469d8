"""What an adapter offers beside its models' `Traced`."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from zoo import MODELS

from narrowcast.runtime import frameworks
from narrowcast.runtime.doctor.adapters import ADAPTERS
from narrowcast.runtime.frameworks.adapter import Adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.protocol import Formable, Traced
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.hardware.answers import FRAMEWORKS, Answer

from .promise import ALL, promise
from .subject import Subject

NOISE = 1e-5
"""Relative difference of two ways to compute the same in fp32."""

OURS = {"numpy", "scipy"}
"""What narrowcast itself depends on."""


def members_of(protocol: type) -> set[str]:
    """Names of the members that a protocol adds to those that it extends."""
    names = {*vars(protocol), *vars(protocol).get("__annotations__", ())}
    return {name for name in names if not name.startswith("_")}


@promise()
def no_member_is_missing(s: Subject, name: str) -> None:
    """All are there, and functions take what the protocols say that they take."""
    _check_members(ADAPTERS[s.name], Adapter)
    traced = s.traced(name)
    _check_members(traced, Traced)
    form = {member for member in members_of(Formable) if hasattr(traced, member)}
    assert form == (members_of(Formable) if s.side.form else set())
    if s.side.form:
        _check_members(traced, Formable)


def _check_members(one: Any, protocol: type) -> None:
    for name in members_of(protocol):
        assert hasattr(one, name), f"{one} has no {name}"
        wanted = vars(protocol).get(name)
        if inspect.isfunction(wanted):
            _check_call(getattr(one, name), wanted)


def _check_call(offered: Any, wanted: Any) -> None:
    """Whatever arguments the protocol takes are taken."""
    _self, *asked = inspect.signature(wanted).parameters.values()
    needed = [one for one in asked if one.default is one.empty]
    for some in (asked, needed):
        placed = [one.name for one in some if one.kind is not one.KEYWORD_ONLY]
        named = {one.name: None for one in some if one.kind is one.KEYWORD_ONLY}
        inspect.signature(offered).bind(*placed, **named)


@promise("dependencies")
def dependencies_are_what_it_imports(s: Subject, name: str) -> None:
    """The framework first; all are installed; nothing else is imported."""
    told = s.adapter.dependencies
    assert told[0] in FRAMEWORKS
    builds = {told[0]: FRAMEWORKS[told[0]].builds}
    named = [{each, *builds.get(each, ())} for each in told]
    owners = metadata.packages_distributions()
    installed = {_plain(each) for names in owners.values() for each in names}
    for names in named:
        assert installed & set(map(_plain, names)), f"{names} is not installed"
    known = set(map(_plain, set().union(*named) | OURS))
    for module in _imported(s):
        assert known & set(map(_plain, owners.get(module, ()))), module


def _plain(distribution: str) -> str:
    return distribution.replace("_", "-").lower()


def _imported(s: Subject) -> set[str]:
    """Modules of others that the adapter's files import."""
    found = {
        module.partition(".")[0]
        for path in _files(s)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for module in _modules(node)
    }
    return found - sys.stdlib_module_names


def _files(s: Subject) -> Iterator[Path]:
    root = Path(frameworks.__file__).parent / s.side.zoo
    others = {
        each.__name__.rpartition(".")[2]
        for key, each in ADAPTERS.items()
        if key != s.name and ".onnx." in each.__name__  # type: ignore[attr-defined]
    }
    for path in sorted(root.rglob("*.py")):
        if not others & set(path.relative_to(root).parts):
            yield path


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [str(node.module)]
    return []


@promise("executes")
def it_says_whether_models_run_here(s: Subject, name: str) -> None:
    assert s.adapter.executes is s.side.executes
    told = any("not executed" in note for note in s.traced(name).notes)
    assert told is not s.adapter.executes


@promise("answer")
def it_answers_in_the_frameworks_words(s: Subject, name: str) -> None:
    """Also of devices and precisions that it has not; never by an exception."""
    answers = {
        (precision, device): s.adapter.answer(precision, device)
        for precision in (Precision.BF16, Precision.FP16)
        for device in ("cpu", "cuda")
    }
    for each in answers.values():
        assert isinstance(each, Answer) and isinstance(each.supported, bool)
        assert each.said.strip()
    # Models are converted to it here.
    assert answers[s.low, "cpu"].supported
    if s.adapter.executes:
        assert len({each.said for each in answers.values()}) > 1


@promise("devices")
def its_devices_are_those_of_its_answer(s: Subject, name: str) -> None:
    found = s.adapter.devices()
    assert isinstance(found, tuple)
    capability = s.adapter.answer(Precision.BF16, "cuda").capability
    assert bool(found) is (capability is not None)
    if capability:
        assert "{}.{}".format(*capability) in found[0]


@promise("signature", models=ALL)
def the_signature_names_the_inputs(s: Subject, name: str) -> None:
    """In the model's order; where it says more, that is so too."""
    told, inputs = s.adapter.signature(s.model(name)), MODELS[name].inputs
    assert [each.name for each in told] == [*inputs]
    for each, array in zip(told, inputs.values(), strict=True):
        assert each.dtype in (None, array.dtype.name)
        if each.shape is not None:
            assert isinstance(each.shape[0], str)
            assert each.shape[1:] == array.shape[1:]


@promise("predictor", models=ALL)
def the_model_as_loaded_computes_what_numpy_does(s: Subject, name: str) -> None:
    """So the zoo is one: no model of it is another in one of the frameworks."""
    found, expected = s.reference(name), MODELS[name].expected
    again = s.adapter.predictor(s.another(name), s.inputs(name))
    if name != "state":
        for one, other in zip(again(s.batch(name)), found, strict=True):
            np.testing.assert_array_equal(one, other)
    assert isinstance(found, tuple)
    for value, exact in zip(found, expected, strict=True):
        assert isinstance(value, np.ndarray)
        wanted = exact.dtype if s.side.keeps_ints else np.dtype("float32")
        assert value.dtype == wanted
        size = np.abs(exact).max()
        np.testing.assert_allclose(value, exact, rtol=0, atol=10 * NOISE * size)


@promise("predictor", models=["three"])
def inputs_come_in_the_order_of_their_names(s: Subject, name: str) -> None:
    order = [2, 0, 1]
    inputs = [s.inputs(name)[k] for k in order]
    batch = tuple(s.batch(name)[k] for k in order)
    (found,) = s.adapter.predictor(s.another(name), inputs)(batch)
    np.testing.assert_array_equal(found, s.reference(name)[0])


@promise("trace", models=["three"])
def what_is_converted_keeps_that_order(s: Subject, name: str) -> None:
    """The file too: batches come to it as they came to `trace`."""
    order = [2, 0, 1]
    inputs = [s.inputs(name)[k] for k in order]
    batch = tuple(s.batch(name)[k] for k in order)
    traced = s.adapter.trace(
        s.model(name), batch, low=s.low, inputs=inputs, outputs=["y"]
    )
    assert len(traced.graph.inputs) == 3
    converted = traced.apply(dict.fromkeys(traced.graph.by_id, Precision.FP32))
    path = traced.save(converted, s.empty() / s.zoo.FILE)
    for predict in (s.adapter.predictor(converted), s.adapter.load_saved(path)):
        (found,) = predict(batch)
        np.testing.assert_allclose(found, s.reference(name)[0], rtol=NOISE)


@promise("trace", models=ALL)
def tracing_leaves_the_users_model_as_it_was(s: Subject, name: str) -> None:
    before = s.as_loaded(name)
    traced = s.traced(name)
    traced.apply(dict.fromkeys(traced.graph.by_id, Precision.FP32))
    assert s.zoo.unchanged(s.model(name)) == before


@promise("trace")
def inputs_need_not_be_declared_again(s: Subject, name: str) -> None:
    """What the signature says may be handed on."""
    told = s.adapter.signature(s.model(name))
    free = ("batch", *MODELS[name].batch[0].shape[1:])
    inputs = [Input(each.name, each.shape or free, each.dtype) for each in told]
    traced = s.adapter.trace(s.model(name), s.batch(name), low=s.low, inputs=inputs)
    assert traced.graph.fingerprint() == s.traced(name).graph.fingerprint()
