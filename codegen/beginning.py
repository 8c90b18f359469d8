"""A first spec of a model: its text, with comments for what isn't known yet."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .render import template
from .writing.code import Code

PLAIN = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/.:-]*[A-Za-z0-9_/.-]|[A-Za-z]")
WORDS = re.compile(r"(yes|no|on|off|true|false|null|y|n|\.inf|\.nan)", re.IGNORECASE)
"""Words that are no text to some reader of YAML."""

BATCH_SIZE = 64


@dataclass(frozen=True)
class Beginning:
    """What is known of a model that a spec is to be written for.

    Attributes:
        framework: Ours ("pytorch").
        path, factory: Of these at most one; "" where the script is given the model.
        runtime: What executes an ONNX model; "" for others.
        inputs: Keys of `model.inputs`, for each.
        unsure: What a reader should look at, in sentences.
        schema: Where the schema lies that editors check by, "" for nowhere.
    """

    name: str
    framework: str
    path: str = ""
    factory: str = ""
    weights: str = ""
    signature: str = ""
    runtime: str = ""
    precisions: Sequence[str] = ("bf16",)
    inputs: Sequence[Mapping[str, Any]] = ()
    outputs: Sequence[str] = ()
    unsure: Sequence[str] = ()
    schema: str = ""


@dataclass(frozen=True)
class _Printed:
    """The same as source: what a template may print."""

    name: Code
    framework: Code
    path: Code
    factory: Code
    weights: Code
    signature: Code
    runtime: Code
    precisions: Code
    inputs: tuple[Code, ...]
    outputs: Code
    unsure: tuple[Code, ...]
    schema: Code
    batch_size: Code
    arrays: Code
    int8: bool


def begun(spec: Beginning) -> str:
    """The spec's text, one newline at its end."""
    lows = spec.precisions
    first = spec.inputs[0].get("shape") if spec.inputs else None
    batch = first[0] if first and isinstance(first[0], int) else BATCH_SIZE
    fed = [str(each["name"]) for each in spec.inputs]
    printed = _Printed(
        name=_yaml(spec.name),
        framework=_yaml(spec.framework),
        path=_optional(spec.path),
        factory=_optional(spec.factory),
        weights=_optional(spec.weights),
        signature=_optional(spec.signature),
        runtime=_optional(spec.runtime),
        precisions=_yaml(lows[0] if len(lows) == 1 else list(lows)),
        inputs=tuple(_yaml(each) for each in spec.inputs),
        outputs=_optional(list(spec.outputs)),
        unsure=tuple(Code(_comment(each)) for each in spec.unsure),
        schema=Code(_comment(spec.schema)),
        batch_size=_yaml(batch),
        arrays=_yaml(fed or ["inputs"]),
        int8="int8" in lows,
    )
    found = template(f"specs/{spec.framework}.yaml.j2").render(spec=printed)
    return found.rstrip("\n") + "\n"


def _optional(value: Any) -> Code:
    return _yaml(value) if value else Code()


def _yaml(value: Any) -> Code:
    """A value as flow YAML, which every reader takes for the same."""
    if isinstance(value, Mapping):
        pairs = (f"{_yaml(key)}: {_yaml(each)}" for key, each in value.items())
        return Code("{" + ", ".join(pairs) + "}")
    if isinstance(value, list | tuple):
        return Code(f"[{', '.join(map(_yaml, value))}]")
    if isinstance(value, str) and PLAIN.fullmatch(value) and not _is_word(value):
        return Code(value)
    # JSON is YAML; what a terminal or a parser would act on is escaped.
    text = json.dumps(value, ensure_ascii=False)
    return Code("".join(c if c.isprintable() else _escaped(c) for c in text))


def _is_word(text: str) -> bool:
    return WORDS.fullmatch(text) is not None or text.lstrip(".")[:1].isdigit()


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _comment(text: str) -> str:
    """The text in one line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:300]
