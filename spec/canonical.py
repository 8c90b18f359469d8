"""The canonical form of a Spec: what its provenance hash is taken of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from .sections.marks import effective
from .sections.section import Section
from .spec import ADDED, Spec


def canonical(spec: Spec) -> str:
    """JSON with sorted keys and no whitespace; the same for specs that mean the same.

    Every part names its type; what is no part of the meaning is left out.
    """
    content = _plain(spec)
    assert isinstance(content, dict)
    del content["notices"], content["told"]
    return json.dumps(
        content,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def _plain(value: object) -> object:
    if is_dataclass(value):
        parts = {
            field.name: getattr(value, field.name)
            for field in fields(value)
            if getattr(value, field.name) or not field.metadata.get(ADDED)
        }
        return {"type": type(value).__name__} | _mapping(parts)
    if isinstance(value, Section):
        return {"type": type(value).__name__} | _mapping(effective(value))
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _mapping(value: Mapping[str, object]) -> dict[str, object]:
    return {key: _plain(item) for key, item in value.items()}
