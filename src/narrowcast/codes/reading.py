"""NC1xx: a spec that can't be read as YAML."""

from __future__ import annotations

from .entry import Entry

ENTRIES = (
    Entry(
        "NC101",
        "spec can't be read",
        "There is no such file, it is a folder, it may not be read, or it is larger than "
        "256 KiB.",
        "$ narrowcast validate nets.yaml\nnets.yaml: error[NC101]: no such file",
        "Name a YAML file that is there.",
    ),
    Entry(
        "NC102",
        "character that YAML does not have",
        "The file is not UTF-8, or holds a character that YAML does not allow.",
        'model: {name: "\\ud800"}',
        "Save the file as UTF-8, and write the character itself.",
    ),
    Entry(
        "NC103",
        "not YAML",
        "The text is no YAML: a bracket or quote is not closed, a comma is missing, a "
        "value has a character that YAML takes for its own.",
        "model: {name: net",
        "Mend the place under the caret; quote values with `: `, `#`, `*` or `{`.",
    ),
    Entry(
        "NC104",
        "wrong indentation",
        "A line starts in a column that fits no line above, or YAML reads it as part of "
        "another.",
        "model:\n  name: net\n framework: onnx",
        "Start it in the column that the hint names.",
    ),
    Entry(
        "NC105",
        "key written twice",
        "A mapping has one key twice. YAML would keep the last and say nothing.",
        "device: cpu\ndevice: gpu",
        "Remove one.",
    ),
    Entry(
        "NC106",
        "key that is no string",
        "YAML reads a key as a number, as true or false, or as a collection.",
        "1: 2",
        "Quote it.",
    ),
    Entry(
        "NC107",
        "no plain value",
        "A tag, or a merge of what is no mapping. A spec holds plain values, so that "
        "reading it runs nothing.",
        "model: !!python/name:os.system\n",
        "Write the value without a tag.",
    ),
    Entry(
        "NC108",
        "too large or too deep",
        "The spec has more than 10 000 values, aliases expanded, or more than 50 levels, "
        "or an alias holds itself.",
        "model: &a [*a]",
        "Write less of it, without aliases that hold one another.",
    ),
    Entry(
        "NC109",
        "no mapping at the top",
        "The file is empty, or holds a list or one value.",
        "- model",
        "Start with `model:`.",
    ),
)
