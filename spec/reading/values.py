"""Values that are read before they are validated, and how editors see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

Json = dict[str, Any]

QUOTED_INT: Json = {"type": "string", "pattern": "^[-+]?[0-9][0-9a-fA-FxX_]*$"}
"""How editors see a quoted integer; theirs read `1_000` as text, too."""

QUOTED_NUMBER: Json = {
    "type": "string",
    "pattern": r"^[-+]?\.?[0-9][-+.0-9a-zA-Z_]* ?%?$",
}
WORD: Json = {
    "type": "string",
    "pattern": "^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|"
    "yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$",
}
"""How editors see a quoted true or false; theirs read `yes` as text, too."""

NULL: Json = {"type": "null"}
STR: Json = {"type": "string"}
INT: Json = {"anyOf": [{"type": "integer"}, QUOTED_INT]}
NUMBER_OR_SHARE: Json = {"anyOf": [{"type": "number"}, QUOTED_NUMBER]}


def a_list(of: Json) -> Json:
    """How editors see a list."""
    return {"type": "array", "items": of}


@dataclass(frozen=True)
class Read:
    """Reads a value before it is validated.

    Attributes:
        read: Value → value.
        seen: What it takes, each as JSON Schema: plain data, since types would be made
            into validators that nobody asks for.
    """

    read: Callable[[Any], Any]
    seen: tuple[Json, ...] = field(hash=False)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = handler(source)
        return core_schema.no_info_before_validator_function(self.read, schema)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> Json:
        return {"anyOf": list(self.seen)} if len(self.seen) > 1 else dict(self.seen[0])


def shown(kind: Json) -> Read:
    """Shows editors what is meant to stand here; whatever does is read as it is."""
    return Read(_as_it_is, (kind, {}))


def _as_it_is(value: Any) -> Any:
    return value
