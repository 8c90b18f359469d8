"""JSON Schema of what a spec may hold, for editors.

It refuses nothing that is valid: rules between keys are `narrowcast validate`'s. Draft-07
is what YAML's language server reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ..reading.values import Json
from ..sections.document import Document
from ..sections.marks import EFFECT, WITH_INT8
from ..sections.mixed_precision import SIDES
from ..sections.section import Choice

DRAFT = "http://json-schema.org/draft-07/schema#"
TITLE = "narrowcast: a spec"
OPEN = ("framework",)
"""Keys of `model` that the command line can tell, though a spec must have them."""

ITEMS = ("properties", "definitions", "patternProperties")
"""Keywords that hold schemas under names of their own."""


def json_schema() -> Json:
    """JSON Schema (draft-07) of what a spec may hold, with what each key means."""
    made = Document.model_json_schema(
        ref_template="#/definitions/{model}", schema_generator=_Generator
    )
    made["definitions"] = made.pop("$defs")
    made["type"] = "object"
    _open_model(made["definitions"])
    _nameless_ops(made["definitions"])
    _nested_transforms(made["definitions"])
    plain = {key: _plain(value) for key, value in made.items()}
    return {"$schema": DRAFT, **plain, "title": TITLE}


def _open_model(sections: dict[str, Json]) -> None:
    """What the command line can tell need not be there."""
    model = sections["ModelSection"]
    model["required"] = [key for key in model["required"] if key not in OPEN]
    for key in OPEN:
        model["properties"][key]["enum"].append(None)
        model["properties"][key].pop("type")


def _nameless_ops(sections: dict[str, Json]) -> None:
    """Neural Compressor's schema has activation and weight under no op's name, too."""
    op = sections["OpSection"]
    sections["Nameless"] = {**op, "properties": {**op["properties"], "dtype": {}}}
    table = sections["MixedPrecisionSection"]["properties"]["op_wise"]
    side = {"$ref": "#/definitions/Nameless", "doNotSuggest": True}
    table["properties"] = dict.fromkeys(SIDES, side)


def _nested_transforms(sections: dict[str, Json]) -> None:
    """What is in `Compose` is what is around it."""
    for each in sections["Compose"]["properties"]["transform_list"]["anyOf"]:
        if "items" in each:
            each["items"] = {"$ref": "#/definitions/TransformSection"}


def schema_text() -> str:
    """The schema as a file has it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def is_ours(text: str) -> bool:
    """Whether a text is such a file, of any version."""
    return text.startswith("{") and f'"title": "{TITLE}"' in text


class _Generator(GenerateJsonSchema):
    """Null is an empty section, and an empty table."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = _or_null(super().model_schema(schema))
        if issubclass(schema["cls"], Choice):
            made["minProperties"] = 1
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return _or_null(super().dict_schema(schema))


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {**schema, "type": ["object", "null"]} if "type" in schema else schema


def _plain(schema: Any) -> Any:
    """A schema in draft-07's words, without what editors show for nothing."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: Json = {}
    for key, value in schema.items():
        if key in ITEMS:
            made[key] = {name: _plain(each) for name, each in value.items()}
        elif key == "prefixItems":
            made["items"] = _plain(value)
        elif not (key == "title" or (key == "default" and value in (None, {}, []))):
            made[key] = _plain(value)
    made.pop(WITH_INT8, None)
    if EFFECT in made:
        effect = made.pop(EFFECT)
        made["description"] = f"{made.get('description', '')} ({effect})".strip()
        made["doNotSuggest"] = True
    if "$ref" in made and len(made) > 1:  # beside it, draft-07 reads nothing
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made
