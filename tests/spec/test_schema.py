"""The JSON Schema that editors get: nothing that is valid is refused by it."""

import json
import random
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from documents import DOCUMENTS

from narrowcast.spec import SpecError, json_schema, loads
from narrowcast.spec.load import _source

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("tests/cases/*/spec.yaml"), *ROOT.glob("examples/*/*.yaml")]
REFUSED = {path for path in FILES if path.parent.name.startswith("refused")}
TEXTS = {
    **{d.name: (d.text, d.framework) for d in DOCUMENTS},
    **{str(p.relative_to(ROOT)): (p.read_text("utf-8"), "") for p in FILES},
}
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
VALUES: list[Any] = [
    *(None, True, 0, 1, -1, 0.5, 224, [], {}, "1", "0.5", "1%", "true", "yes", "a"),
    *("a, b", "1 1", "fp16", "float32", "x/y.npz", "m:n", [1], ["1"], [0.5], ["a"]),
    *([1, 1], [224, 224], ["fp32"], {"k": 1}, {"activation": {"dtype": "fp32"}}),
]


class Editor(yaml.SafeLoader):
    """YAML 1.2's core schema, which editors and check-jsonschema read."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012


for tag, form in {
    "null": r"~|null|Null|NULL|",
    "bool": "true|True|TRUE|false|False|FALSE",
    "int": "[-+]?[0-9]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
    "merge": "<<",
}.items():
    pattern = re.compile(f"(?:{form})\\Z")
    Editor.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, None)


def plain(data: Any) -> Any:
    """As an editor has it: lists, not tuples."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    return [plain(each) for each in data] if isinstance(data, tuple) else data


def is_valid(text: str, framework: str) -> bool:
    try:
        loads(text, framework=framework)
    except SpecError:
        return False
    return True


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values."""
    pairs: Any = ()
    if isinstance(data, dict | list):
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
    return [at, *(path for key, each in pairs for path in paths(each, (*at, key)))]


def test_the_committed_schema_is_the_models_own() -> None:
    """`narrowcast schema > docs/spec.schema.json` makes it so."""
    text = (ROOT / "docs/spec.schema.json").read_text("utf-8")
    assert text == json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"


def test_it_is_a_schema_of_draft_07() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert SCHEMA["required"] == ["model"]
    text = json.dumps(SCHEMA)
    assert '"prefixItems"' not in text and '"$defs"' not in text


def test_unknown_keys_are_refused_in_all_sections() -> None:
    for part in (SCHEMA, *SCHEMA["definitions"].values()):
        assert part["additionalProperties"] is False
    loader = SCHEMA["definitions"]["DataloaderSection"]["properties"]
    assert loader["last_batch"]["enum"] == ["rollover", "discard"]


def test_every_key_says_what_it_is_for() -> None:
    for name, part in {**SCHEMA["definitions"], "Document": SCHEMA}.items():
        for key, field in part.get("properties", {}).items():
            section = field.get("$ref", "").removeprefix("#/definitions/")
            meant = SCHEMA["definitions"].get(section, field).get("description")
            assert meant or (name, key) == ("Nameless", "dtype")


@pytest.mark.parametrize("name", [n for n, given in TEXTS.items() if is_valid(*given)])
def test_what_is_valid_is_valid_in_editors(name: str) -> None:
    text, _framework = TEXTS[name]
    for data in (plain(_source(text, "x").data), yaml.load(text, Editor)):
        assert [each.message for each in VALIDATOR.iter_errors(data)] == []


def test_most_of_what_is_invalid_is_seen_and_nothing_else() -> None:
    """One value of a valid spec is another's: whatever is valid then still is."""
    drawn = random.Random(0)
    valid = [given for given in TEXTS.values() if is_valid(*given)]
    accepted = refused = seen = 0
    for _ in range(600):
        text, framework = drawn.choice(valid)
        data = deepcopy(plain(_source(text, "x").data))
        *way, last = drawn.choice(paths(data)[1:])
        place = data
        for key in way:
            place = place[key]
        place[last] = drawn.choice(VALUES)
        changed = yaml.safe_dump(data, sort_keys=False)
        meant = plain(_source(changed, "x").data)
        errors = [each.message for each in VALIDATOR.iter_errors(meant)]
        if is_valid(changed, framework):
            assert errors == [], changed
            accepted += 1
        else:
            refused += 1
            seen += bool(errors)
    assert accepted > 80
    assert seen / refused > 0.8


@pytest.mark.parametrize(
    "text",
    [
        "model: {framework: pytorch}",
        "model: {name: net, framework: torch}",
        "model: {name: net}\nmixed_precison: {}",
        "model: {name: net}\nmixed_precision: {precisions: bf61}",
        "model: {name: net}\nmixed_precision: {op_wise: {conv: {dtype: fp32}}}",
        "model: {name: net}\ntuning: {exit_policy: {max_trials: many}}",
        "model: {name: net}\nevaluation: {accuracy: {metric: {}}}",
        "model: {name: net}\nevaluation: {accuracy: {dataloader: {batch_size: [1]}}}",
    ],
)
def test_slips_are_seen(text: str) -> None:
    assert not is_valid(text, "pytorch")
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
