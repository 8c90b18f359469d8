"""Marks of fields: what Neural Compressor has and a script does not go by, and sections
whose validators are made where a spec has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

NO_EFFECT = "has no effect here"
INT8 = "is about int8, not about 16 bits"
ASKING = "precisions: [int8, bf16] asks for it"
LEAVE = "leave it out"

LATER = "later"
"""Annotates a field that came later: left empty, a section means what it did without."""

AGAIN = "again"
"""Annotates an item that is what the section which holds the list's section is."""

EFFECT = "effect"
WITH_INT8 = "with int8"


def empty(value: object) -> object:
    """Null is an empty mapping, as in Neural Compressor."""
    return {} if value is None else value


def unused(default: object, description: str, effect: str = NO_EFFECT) -> Any:
    """The field of a key that changes nothing: it is accepted, and a note says so.

    Args:
        default: Neural Compressor's, or what makes it; written as such, there is no note.
        effect: What the note says of the key.
    """
    return _marked(default, description, {EFFECT: effect})


def quantizing(default: object, description: str) -> Any:
    """The field of a key that says how int8 is made, and else changes nothing.

    Args:
        default: As `unused`.
    """
    return _marked(default, description, {WITH_INT8: True})


def _marked(default: object, description: str, extra: dict[str, Any]) -> Any:
    if callable(default):
        return Field(
            default_factory=default, description=description, json_schema_extra=extra
        )
    return Field(default=default, description=description, json_schema_extra=extra)


def effect_of(field: FieldInfo) -> str | None:
    """What is to be said of a key that is never used, None for others."""
    effect = _mark(field, EFFECT)
    return None if effect is None else str(effect)


def effect_in(field: FieldInfo, int8: bool) -> str | None:
    """What is to be said of a key in a spec that does not use it, None for others.

    Args:
        int8: Whether the spec asks for int8.
    """
    if not int8 and is_for_int8(field):
        return INT8
    effect = effect_of(field)
    return NO_EFFECT if int8 and effect == INT8 else effect


def is_for_int8(field: FieldInfo) -> bool:
    """Whether the key has an effect where a spec asks for int8, and only there."""
    return bool(_mark(field, WITH_INT8))


def effective(section: BaseModel) -> dict[str, Any]:
    """The values of a section that say something: of keys that have an effect, and
    came with the section or are not left empty."""
    fields = type(section).model_fields
    return {
        key: value
        for key, value in section
        if effect_of(fields[key]) is None
        and (value or LATER not in fields[key].metadata)
    }


def is_said(section: BaseModel, key: str) -> bool:
    """Whether a key is written, and says other than what holds anyway."""
    # What is wrong is not there.
    if key not in section.model_fields_set or key not in section.__dict__:
        return False
    value = getattr(section, key)
    if isinstance(value, BaseModel):
        return any(is_said(value, each) for each in type(value).model_fields)
    default = type(section).model_fields[key].get_default(call_default_factory=True)
    if value is None or (value is False and default is not True):
        return False
    nothing: tuple[object, ...] = ("", (), {}, "False", "false", default)
    return value not in nothing and (value,) != default


def is_marked(field: FieldInfo) -> bool:
    """Whether the key is only Neural Compressor's."""
    return effect_of(field) is not None


def _mark(field: FieldInfo, mark: str) -> Any:
    extra = field.json_schema_extra
    return extra.get(mark) if isinstance(extra, Mapping) else None


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
