"""Validators of sections that are built where a spec has the section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class _Validated:
    section: type[BaseModel]

    def __call__(self, value: Any) -> Any:
        return None if value is None else self.section.model_validate(value)


class OnUse:
    """Marks a section, or None, in a field: its validator is made when it is needed.

    A spec names few of what it could name, and it is felt how long a command takes.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        section = next(each for each in get_args(source) if each is not type(None))
        return core_schema.no_info_plain_validator_function(_Validated(section))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        plain: Any = schema
        while plain["type"] != "function-plain":  # what is marked besides is around it
            plain = plain["schema"]
        validated = plain["function"]["function"]
        assert isinstance(validated, _Validated)
        return handler(core_schema.nullable_schema(_referred(validated.section)))


def _referred(section: type[BaseModel]) -> CoreSchema:
    """What Pydantic makes of a section, under a name of its own."""
    section.model_rebuild()
    found: Any = section.__pydantic_core_schema__
    inner = found["schema"] if found["type"] == "definitions" else found
    inner = {**inner, "ref": f"{section.__module__}.{section.__qualname__}"}
    if found["type"] != "definitions":
        return inner
    return {**found, "schema": inner}
