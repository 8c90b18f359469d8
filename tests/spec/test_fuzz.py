"""Whatever is written: a Spec or a SpecError, and one canonical form per meaning."""

import json
from time import process_time
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from narrowcast.spec import SpecError, canonical, loads
from narrowcast.spec.normalise import normalise
from narrowcast.spec.sections.document import Document

FULL = r"""
version: 1.0
model:
  name: mnist_cnn
  framework: pytorch
  factory: {python: pkg.module:callable, args: {width: 8, folder: ./model, names: {a: [~]}}}
  weights: weights.safetensors
  strip_prefix: module.
  inputs:
    - {name: image, shape: [batch, 1, 28, 28], dtype: float32}
  outputs: [logits]
device: gpu
mixed_precision:
  precisions: bf16, fp32
  op_wise: {'features\..*': &fp32 {activation: {dtype: [fp32]}}}
  optype_wise: {softmax: {<<: *fp32}}
quantization:
  op_wise: ~
evaluation:
  accuracy:
    metric: {topk: 1}
    iteration: -1
    dataloader:
      batch_size: 64
      last_batch: rollover
      dataset:
        csv: {path: data/x.csv.gz, label: -1, shape: [1, 28, 28], delimiter: ','}
      transform:
        Rescale: ~
        Normalize: {mean: [0.1307], std: [0.3081]}
tuning:
  accuracy_criterion: {relative: 1%, higher_is_better: yes}
  objective: performance
  exit_policy: {timeout: 0, max_trials: 20}
  random_seed: 1978
costs: static
"""
TOKENS = [
    *"{}[]:,-?&*!|>'\"%@`#~<\\\t\n\r \0\x85\ufeff\u2028",
    "- ",
    ": ",
    "<<: ",
    "\n  ",
]
TOKENS += [
    "&a ",
    "*a",
    "!!int ",
    "!!set ",
    '"\\U',
    "---\n",
    "...",
    "%YAML ",
    "1e9",
    "_",
]
TOKENS += [
    "0x",
    ".nan",
    "yes",
    "~",
    "model",
    "tuning",
    "op_wise",
    "a",
    "1",
    "é",
    "\ud800",
]

soup = st.lists(st.sampled_from(TOKENS), max_size=40).map("".join)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


HANG = 1.0
"""Seconds of this process's own time that no short text may take."""


def check(text: str) -> None:
    """The one promise: a Spec, or mistakes that can be shown and stand in the text."""
    if _seconds(text) > HANG:  # what costs time only once is not the text
        assert _seconds(text) < HANG


def _seconds(text: str) -> float:
    begun = process_time()
    _check(text)
    return process_time() - begun


def _check(text: str) -> None:
    try:
        canonical(loads(text))
    except SpecError as error:
        assert error.diagnostics
        for diagnostic in error.diagnostics:
            assert diagnostic.line >= 1
            assert diagnostic.column >= 1
            assert diagnostic.message
        str(error).encode()


@settings(max_examples=900)
@given(soup | st.text(max_size=60))
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=800)
@given(st.data())
def test_damaged_spec(data: st.DataObject) -> None:
    text = FULL
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = start + data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(soup) + text[stop:]
    check(text)


def _paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in nested data."""
    nested: list[tuple[Any, Any]] = []
    if isinstance(data, dict | list):
        nested = list(data.items() if isinstance(data, dict) else enumerate(data))
    return [at, *(path for key, item in nested for path in _paths(item, (*at, key)))]


@settings(max_examples=300)
@given(st.data())
def test_any_value_anywhere(data: st.DataObject) -> None:
    spec = yaml.safe_load(FULL)
    anything = st.recursive(
        scalars | st.sampled_from(["a, b", "1%", "bf16", "pkg.m:C", "batch"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(max_size=3)
                | st.sampled_from(["dtype", "python", "args", "name"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=6,
    )
    path = data.draw(st.sampled_from(_paths(spec)[1:]))
    node = spec
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = data.draw(anything)
    check(yaml.safe_dump(spec, allow_unicode=True))


def _shuffled(value: Any, draw: Any, ordered: bool = False) -> Any:
    """The same mappings with their keys in another order; transforms keep theirs."""
    if isinstance(value, list):
        return [_shuffled(item, draw) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value) if ordered else draw(st.permutations(list(value)))
    return {key: _shuffled(value[key], draw, key == "transform") for key in keys}


@given(st.data())
def test_order_of_keys_means_nothing(data: st.DataObject) -> None:
    spec = yaml.safe_load(FULL)
    text = yaml.safe_dump(_shuffled(spec, data.draw), sort_keys=False)
    assert canonical(loads(text)) == canonical(loads(FULL))


finite = st.floats(-1e6, 1e6)
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
"""Those that a spec may have."""
names = st.text("abcxyz_.", min_size=1, max_size=4)
pins = st.dictionaries(
    names,
    st.sampled_from(["fp32", "bf16"]).map(lambda d: {"activation": {"dtype": [d]}}),
    max_size=3,
)
metrics = st.one_of(
    st.integers(1, 9).map(lambda k: {"topk": k}),
    st.just({"MSE": None}),
    st.dictionaries(
        st.sampled_from("abc"), finite | st.text(characters, max_size=3)
    ).map(lambda args: {"python": "m:C", "args": args}),
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Valid specs, as data."""
    spec: dict[str, Any] = yaml.safe_load(FULL)
    spec["device"] = draw(st.sampled_from(["cpu", "gpu", "cuda"]))
    spec["mixed_precision"]["optype_wise"] = draw(pins)
    spec["quantization"]["optype_wise"] = draw(pins)
    spec["evaluation"]["accuracy"]["metric"] = draw(metrics)
    spec["tuning"]["accuracy_criterion"] = draw(
        st.floats(0, 0.9).map(lambda r: {"relative": r})
        | finite.map(lambda a: {"absolute": abs(a)})
        | st.none()
    )
    spec["tuning"]["random_seed"] = draw(st.integers(0, 2**32 - 1))
    return spec


def _frozen(value: Any) -> Any:
    """YAML data as the reader hands it on: lists are tuples."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


@given(specs())
def test_normalise_is_pure(spec: dict[str, Any]) -> None:
    document = Document.model_validate(_frozen(spec))
    before = document.model_dump_json()
    once = normalise(document)
    assert normalise(document) == once
    assert document.model_dump_json() == before


@given(specs())
def test_canonical_form_is_a_fixed_point(spec: dict[str, Any]) -> None:
    text = canonical(normalise(Document.model_validate(_frozen(spec))))
    content = json.loads(text)
    assert text == json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@settings(max_examples=50)
@given(specs())
def test_yaml_loses_nothing(spec: dict[str, Any]) -> None:
    document = Document.model_validate(_frozen(spec))
    assert loads(yaml.safe_dump(spec, sort_keys=False)) == normalise(document)
