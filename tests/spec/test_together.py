"""Mistakes that are made at once are reported at once, and nothing that follows from them."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from nightly import some

from narrowcast.spec import SpecError, loads

SPECS = sorted(
    path
    for path in (Path(__file__).parent.parent / "cases").glob("*/spec.yaml")
    if not path.parent.name.startswith("refused")
)
Steps = tuple[Any, ...]

WORDS: dict[Steps, Any] = {
    ("device",): "tpu",
    ("costs",): "guessed",
    ("version",): 7,
    ("model", "framework"): "caffe",
    ("mixed_precision", "precisions"): ["bf61"],
    ("tuning", "objective"): "beauty",
    ("tuning", "execution"): "slowly",
    ("tuning", "exit_policy", "max_trials"): 0,
    ("tuning", "error_rate"): 3,
    ("evaluation", "accuracy", "iteration"): 0,
    ("evaluation", "accuracy", "dataloader", "last_batch"): "keep",
}
"""Values that no spec may have."""

RULES: dict[Steps, tuple[Any, tuple[Steps, ...]]] = {
    ("tuning", "accuracy_criterion"): ({"relative": 0.1, "absolute": 1}, ()),
    ("mixed_precision", "precisions"): (["fp32"], ()),
    ("mixed_precision", "op_wise"): (
        {"a": {"weight": {"dtype": ["bf16"]}}, "b": {"weight": {"dtype": ["fp16"]}}},
        (("mixed_precision", "precisions"),),
    ),
    ("quantization", "optype_wise"): ({"a": {}}, ()),
    ("evaluation", "accuracy", "dataloader", "transform"): (
        {"Normalize": {"mean": [1, 2], "std": [1]}},
        (),
    ),
    ("model", "signature"): ("none", (("model", "framework"), ("model", "path"))),
    ("model", "runtime"): (
        "openvino",
        (("model", "framework"), ("device",), ("evaluation", "accuracy", "metric")),
    ),
    ("model", "largest"): (3, ()),
}
"""Values that break a rule, in most specs, and what else the rule reads."""

MISSPELT = object()
"""In place of a value: its key is written otherwise."""

CHOSEN = {"op_wise", "optype_wise", "args", "largest"}
"""Keys of mappings whose keys the user chooses."""

Said = set[tuple[str, str, str]]


def _said(data: Any) -> Said:
    try:
        loads(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    except SpecError as error:
        errors = (each for each in error.diagnostics if each.severity == "error")
        return {(each.path, each.message, each.hint) for each in errors}
    return set()


def _leaves(data: Any, at: Steps = ()) -> Iterator[Steps]:
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, item in items:
        if isinstance(item, dict | list) and item:
            yield from _leaves(item, (*at, key))
        else:
            yield (*at, key)


def _sections(data: dict[str, Any], at: Steps = ()) -> Iterator[Steps]:
    """The mappings whose keys the user doesn't choose."""
    yield at
    for key, item in data.items():
        if isinstance(item, dict) and key not in CHOSEN:
            yield from _sections(item, (*at, key))


def _with(data: Any, path: Steps, value: Any) -> Any:
    """The data with the value at the path, sections made where they are missing."""
    made = deepcopy(data)
    node = made
    for key in path[:-1]:
        if isinstance(node, dict) and not isinstance(node.get(key), dict | list):
            node[key] = {}
        node = node[key]
    if value is MISSPELT:
        items = [(f"{k}x" if k == path[-1] else k, v) for k, v in node.items()]
        node.clear()
        node.update(items)
    else:
        node[path[-1]] = value
    return made


def _mistakes(data: Any, draw: random.Random) -> Iterator[tuple[Steps, Any]]:
    """One of each kind: the path that it changes, and the value there."""
    yield (*draw.choice(list(_sections(data))), "zzqx"), 1
    yield draw.choice(list(_leaves(data))), {"a": [1]}
    keys = (at for at in (*_sections(data), *_leaves(data)) if at)
    ours = [at for at in keys if isinstance(at[-1], str) and not CHOSEN & set(at[:-1])]
    yield draw.choice(ours), MISSPELT
    # An evaluation that is only there for a mistake would bring its own.
    here = [
        path for path in (*WORDS, *RULES) if path[0] in data or path[0] != "evaluation"
    ]
    word = draw.choice([path for path in here if path in WORDS])
    yield word, WORDS[word]
    rule = draw.choice([path for path in here if path in RULES])
    yield rule, RULES[rule][0]


def _apart(one: Steps, other: Steps) -> bool:
    """Whether neither path lies within the other."""
    count = min(len(one), len(other))
    return one[:count] != other[:count]


def _read(path: Steps) -> tuple[Steps, ...]:
    """What a mistake there is judged by: words about int8 by whether it is asked for."""
    if path in RULES:
        return RULES[path][1]
    int8 = path[0] == "quantization" or not {"activation", "weight"}.isdisjoint(path)
    return (("mixed_precision", "precisions"),) if int8 else ()


@pytest.mark.few(2)
@pytest.mark.parametrize(
    "path", some(SPECS, every=6), ids=lambda path: path.parent.name
)
def test_union(path: Path) -> None:
    # Aliases would let one mistake show in several places.
    data = json.loads(json.dumps(yaml.safe_load(path.read_text())))
    assert not _said(data)
    draw = random.Random(path.parent.name)
    for _ in range(10):
        chosen: list[tuple[Steps, Any]] = []
        for where, value in draw.sample(list(_mistakes(data, draw)), 3):
            if all(_apart(where, other) for other, _ in chosen):
                chosen.append((where, value))
        together, alone = data, []
        for where, value in chosen:
            together = _with(together, where, value)
            alone.append((where, _said(_with(data, where, value))))
        said = _said(together)
        assert not said - {each for _, found in alone for each in found}, chosen
        for where, found in alone:
            others = [other for other, _ in chosen if other != where]
            reads = _read(where)
            if all(_apart(read, other) for read in reads for other in others):
                assert found <= said, (where, chosen)
