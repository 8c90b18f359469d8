"""The pages of docs/reference/: every key of a spec, as the sections say of themselves.

python docs/building/fields.py     # after a field changed; a test holds the pages to it
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narrowcast.spec.sections.document import Document
from narrowcast.spec.sections.marks import EFFECT

Json = Mapping[str, Any]
REFERENCE = Path(__file__).parents[1] / "reference"
SCHEMA: Json = Document.model_json_schema()
NAME = "NAME"
"""Where the user chooses a key."""

LOADER = "evaluation.accuracy.dataloader"
KINDS = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}


@dataclass(frozen=True)
class Reference:
    """A page.

    Attributes:
        title: Its heading.
        about: Where the same is told in sentences, a page's address from here.
        tops: Dotted paths: these and what is below them.
    """

    title: str
    about: str
    tops: tuple[str, ...]


PAGES: Mapping[str, Reference] = {
    "spec": Reference("Keys of a spec", "../spec.md", ("",)),
    "model": Reference("Keys of `model`", "../spec/model.md", ("model",)),
    "mixed_precision": Reference(
        "Keys of `mixed_precision`",
        "../spec/precisions.md",
        ("mixed_precision", "quantization"),
    ),
    "evaluation": Reference(
        "Keys of `evaluation`", "../spec/judging.md", ("evaluation",)
    ),
    "datasets": Reference("Keys of datasets", "../datasets.md", (f"{LOADER}.dataset",)),
    "transforms": Reference(
        "Keys of transforms", "../spec/transforms.md", (f"{LOADER}.transform",)
    ),
    "metrics": Reference(
        "Keys of metrics",
        "../spec/metrics.md",
        ("evaluation.accuracy.metric", "evaluation.accuracy.multi_metrics"),
    ),
    "tuning": Reference("Keys of `tuning`", "../spec/tuning.md", ("tuning",)),
}
TITLE = "Keys of no effect"
UNUSED = "no_effect"


def main() -> None:
    """Write all pages."""
    for name, text in pages():
        (REFERENCE / name).write_text(text, "utf-8")


def pages() -> Iterator[tuple[str, str]]:
    """File names and texts."""
    for name, page in PAGES.items():
        yield f"{name}.md", "\n".join(_page(page))
    yield f"{UNUSED}.md", "\n".join(_unused())


def _page(page: Reference) -> Iterator[str]:
    yield f"# {page.title}"
    yield ""
    yield (
        f"What each may hold, from the sections' own words; [here]({page.about}) it is "
        "told in sentences."
    )
    own = [each for each in SECTIONS if _page_of(each[0]) is page]
    for path, section in own:
        alike = [other for other, each in own if each is section]
        if path != alike[0]:  # told there
            continue
        yield ""
        yield f"## `{path}`" if path else "## At the top"
        yield ""
        if path and (text := section.get("description")):
            yield text
            yield ""
        if alike[1:]:
            yield f"The same at {', '.join(f'`{other}`' for other in alike[1:])}."
            yield ""
        yield from (_row(section, key, each) for key, each in _keys(section))
    yield ""


def _page_of(path: str) -> Reference:
    """The page of the longest path that a path is below."""
    tops = {top: page for page in PAGES.values() for top in page.tops}
    steps = path.split(".")
    above = (".".join(steps[:count]) for count in range(len(steps), 0, -1))
    return next((tops[each] for each in above if each in tops), PAGES["spec"])


def _unused() -> Iterator[str]:
    yield f"# {TITLE}"
    yield ""
    yield (
        "They are Neural Compressor's and may stand in a spec: a note says that they change "
        "nothing ([its keys](../spec/neural_compressor.md))."
    )
    told: list[Json] = []
    for path, section in SECTIONS:
        unused: dict[str, list[str]] = {}
        for key, each in section.get("properties", {}).items():
            if EFFECT in each:
                unused.setdefault(each[EFFECT], []).append(key)
        if not unused or any(section is each for each in told):
            continue
        told.append(section)
        alike = [f"`{other}`" for other, each in SECTIONS if each is section]
        yield ""
        yield f"In {', '.join(alike) if path else 'a spec'}:"
        yield ""
        for effect, keys in unused.items():
            said = effect.removeprefix("has ").removeprefix("is ")
            yield f"- {', '.join(f'`{key}`' for key in keys)}: {said}."
    yield ""


def _row(section: Json, key: str, schema: Json) -> str:
    said = [_type(schema)]
    default = schema.get("default")
    if key in section.get("required", ()):
        said.append("required")
    elif default not in (None, "", [], {}) and not isinstance(default, dict):
        said.append(f"`{default if isinstance(default, str) else json.dumps(default)}`")
    meaning = schema.get("description") or next(
        (a["description"] for a in _kinds(schema) if "description" in a), ""
    )
    return f"- `{key}` ({'; '.join(said)}): {meaning}".rstrip(": ")


def _sections(
    path: str, schema: Json, above: tuple[str, ...]
) -> Iterator[tuple[str, Json]]:
    """What has keys, from the path down; not what holds itself."""
    for kind in _kinds(schema):
        title = kind.get("title", "")
        rows = list(_keys(kind))
        useless = EFFECT in schema or not rows
        if useless or (title and title in above):
            continue
        yield path, kind
        for key, each in rows:
            yield from _sections(f"{path}.{key}".lstrip("."), each, (*above, title))


def _keys(schema: Json) -> Iterator[tuple[str, Json]]:
    """The keys that do something."""
    for key, each in schema.get("properties", {}).items():
        if EFFECT not in each:
            yield key, each
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        yield NAME, values


def _kinds(schema: Json) -> Iterator[Json]:
    """What a value may be, references followed; of a list, what it holds."""
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from _kinds(part)
    if "$ref" in schema:
        yield from _kinds(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    elif isinstance(schema.get("items"), Mapping):
        yield from _kinds(schema["items"])
    elif not {"allOf", "anyOf"} & schema.keys():
        yield schema


def _type(schema: Json) -> str:
    """The kinds of values in words; a number in quotes is a number."""
    words = dict.fromkeys(_words(schema))
    if {"an integer", "a number", "true or false"} & words.keys():
        words.pop("text", None)
    return " or ".join(words) or "anything"


def _words(schema: Json) -> Iterator[str]:
    for part in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from _words(part)
    if "$ref" in schema:
        yield "a section"
    elif "enum" in schema:
        yield "one of " + ", ".join(f"`{each}`" for each in schema["enum"] if each)
    elif "const" in schema:
        yield f"`{schema['const']}`"
    elif (kind := schema.get("type")) in KINDS:
        yield KINDS[kind]


SECTIONS: Sequence[tuple[str, Json]] = tuple(_sections("", SCHEMA, ()))
"""Path → what has keys, all of a spec."""

if __name__ == "__main__":
    main()
