"""What is said of each key, and of a whole spec."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from documents import DOCUMENTS

from narrowcast.spec import json_schema, loads
from narrowcast.spec.besides import _adapter
from narrowcast.spec.reference.fields import UnknownKey, _paths, key, text
from narrowcast.spec.reference.words import in_words
from narrowcast.spec.vocabulary import NAME, spot

PATHS = sorted({".".join(steps) for steps in _paths(json_schema(), ())})


def plain(data: Any) -> Any:
    """As the reader of specs gives it."""
    if isinstance(data, dict):
        return {name: plain(value) for name, value in data.items()}
    return tuple(map(plain, data)) if isinstance(data, list) else data


def values(path: str) -> Iterator[Any]:
    """What the example has at the key."""
    found: Any = yaml.safe_load(key(path).example)
    for step in path.split("."):
        found = found[0] if isinstance(found, list) else found
        found = next(iter(found.values())) if step == NAME else found[step]
    yield plain(found)


def steps(path: str) -> Iterator[str | int]:
    """The path, with a number in lists."""
    for step in path.split("."):
        yield step
        if step in ("inputs", "transform_list"):
            yield 0


def test_there_are_many() -> None:
    assert len(PATHS) > 400
    assert "evaluation.accuracy.dataloader.transform.Normalize.mean" in PATHS


@pytest.mark.parametrize("path", PATHS)
def test_each_key_is_explained(path: str) -> None:
    found = key(path)
    assert found.meaning or path.endswith(NAME)
    assert found.type != "anything" or path.endswith(("args", NAME))
    assert text(found).startswith(path)
    yaml.safe_load(found.example)


@pytest.mark.parametrize("path", [p for p in PATHS if not p.endswith(NAME)])
def test_each_example_is_of_the_keys_type(path: str) -> None:
    kind = spot(tuple(steps(path))[:-1]).kind
    for value in values(path):
        if value in ({}, "text"):  # a section without keys that it needs
            continue
        _adapter(kind, path.rpartition(".")[2]).validate_python(value)


def test_a_key_with_all_that_is_to_be_said() -> None:
    assert text(key("tuning.exit_policy.max_trials")) == (
        "tuning.exit_policy.max_trials\n"
        "  Placements that are tried at most.\n"
        "\n"
        "  type      an integer\n"
        "  default   20\n"
        "\n"
        "  example\n"
        "    tuning:\n"
        "      exit_policy: {max_trials: 20}"
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("precisions", "mixed_precision.precisions"),
        ("model.inputs[0].shape", "model.inputs.shape"),
        ("model.inputs.shape", "model.inputs.shape"),
        (
            "mixed_precision.op_wise['a.*'].activation",
            "mixed_precision.op_wise.a.*.activation",
        ),
        ("mixed_precision.op_wise.NAME.weight", "mixed_precision.op_wise.NAME.weight"),
    ],
)
def test_ways_to_name_a_key(written: str, meant: str) -> None:
    assert key(written).path == meant


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "model.frmaework",
            "no key `frmaework` under `model`: did you mean `framework`?",
        ),
        ("modle", "no key `modle`: did you mean `model`?"),
        ("path", "`path` is a key of several sections: "),
        ("model.name.x", "no key goes below it"),
        ("x" * 5000, "there is no key"),
        ("", "there is no key"),
        ("[0]", "there is no key"),
    ],
)
def test_what_is_no_key(written: str, said: str) -> None:
    with pytest.raises(UnknownKey, match=re.escape(said)):
        key(written)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_each_spec_in_words(document: Any) -> None:
    spec = loads(document.text, framework=document.framework)
    said = in_words(spec)
    assert spec.model.name in said
    assert said.count("\n") >= 3
    assert all(line.endswith(".") for line in said.splitlines())
    assert "None" not in said and "object at" not in said
