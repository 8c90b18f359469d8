"""A slip in writing YAML is reported at the line that doesn't fit, with the remedy."""

from pathlib import Path

import pytest

from narrowcast.spec import SpecError, loads

SPECS = sorted(
    path
    for path in (Path(__file__).parent.parent / "cases").glob("*/spec.yaml")
    if not path.parent.name.startswith("refused")
)

CASES = [
    ("model:\n  name: m\n framework: onnx\n", 3, "indentation"),
    (
        "model:\n  name: m\n   framework: onnx\n",
        3,
        "indentation: 2 spaces as in line 2",
    ),
    ("model:\n  name: 'm'\n   framework: onnx\n", 3, "indentation: 2 spaces"),
    ("model:\n  name: m\n# so\n   framework: onnx\n", 4, "indentation: 2 spaces"),
    ("model:\n  outputs: [a]\n   framework: onnx\n", 3, "indentation: 2 spaces"),
    ("device: cpu\n  costs: static\n", 2, "indentation: no spaces as in line 1"),
    ("a:\n  - b: 1\n    c: [1]\n     d: 2\n", 4, "indentation: 4 spaces as in line 3"),
    ("a:\n  - b: 1\n   c: 2\n", 3, "4 spaces as in line 2"),
    ("a:\n  - b\n - c\n", 3, "indentation: 2 spaces as in line 2"),
    ("a:\n  - b\n   - c\n", 3, "indent an item of a list as the others"),
    ("  model: 1\ndevice: cpu\n", 2, "indentation: line 1 starts with 2 spaces"),
    ("# so\n model:\n   a: 1\ndevice: cpu\n", 4, "line 2 starts with 1 space"),
    ("a: |\n  b\n c: 1\n", 3, "indentation"),
    ("a:\n  b: 1\n  - c\n", 3, "indent it under the key"),
    ("a:\n  - b\n  c: 1\n", 3, "indentation: no spaces as in line 1"),
    ("- a\nb: 1\n", 2, "`- `"),
    ("model:\n  name: m\n  framework: onnx\n}\n", 4, "remove it"),
    ("model:\n  name: m\n]\n", 3, "remove it"),
    ("a: {b: 1}}\nc: 1\n", 1, "remove it"),
    ("{a: 1}}\n", 1, "remove it"),
    ("a: }\n", 1, "remove it"),
    ("a: 1\n, b: 2\n", 2, "remove it"),
    ("a: [1,, 2]\n", 1, "remove it"),
    ("a: b: c\n", 1, "quote a value that contains `: `"),
    ("model:\n  name: m\n  path: a: b\n", 3, "quote a value that contains `: `"),
    ("metric: topk: 1 # x\n", 1, "on a line of its own, indented, or in braces: `me"),
    ("a:\n  metric: topk: 1\n", 2, "or in braces: `metric: {topk: 1}`"),
    ("tuning: objective:\n", 1, "put `objective:` on a line of its own, indented"),
    ("a: 'b' c\nd: 1\n", 1, "quote the whole"),
    ("a:\n  [a-z]+: {b: 1}\n", 2, "quote the whole"),
    ("a: |x\n  b\n", 1, "quote a value that starts with `|`"),
    ("a: 'b\nc: 1\n", 1, "a quote or bracket is not closed"),
    ("x: 1\na: 'b\nc: 'x'\nd: 1\n", 2, "close it where the value ends"),
    ('x: 1\na: "b\nc: "x"\n', 2, "close it where the value ends"),
    ("a: ['b, c]\nd: 'x'\n", 1, "close it where the value ends"),
    ("x: 1\na: {b: 1\nc: 2\n", 2, "a bracket is not closed"),
    ("x: 1\na: [b, 1\nc: {d: 2}\n", 2, "a bracket is not closed"),
    ("a:\n  b: {c: [1, 2]\nd: 1\n", 2, "a bracket is not closed"),
    ("a: {b: 1,\n  c: 2\n  d: 3}\n", 3, "a comma is missing"),
    ("a: {b: 1 c: 2}\n", 1, "a comma is missing"),
    ("a: {b: [1, 2}\n", 1, "close the brackets in turn"),
    ("a:\tb\n", 1, "a space instead of the tab"),
    ("a:\n  b: 1\n\tc: 2\n", 3, "spaces, not tabs"),
    ("a:\n  b: 1\n  \tc: 2\n", 3, "spaces, not tabs"),
    ("model:\n  name m\n  framework: onnx\n", 2, "followed by `: `"),
    ("model:\n  name:m\n  framework: onnx\n", 2, "a space behind the colon"),
    ("model:\n  name: m\n  framework:onnx\n", 3, "a space behind the colon"),
    ("a:\n  - b\n    c: 1\n", 2, "a list item without one ends in its line"),
    (": 1\n", 1, "key: value"),
    ("a: 1\n...\nb: 2\n", 3, "remove the `...`"),
]


@pytest.mark.parametrize(("text", "line", "hint"), CASES)
def test_slip(text: str, line: int, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text, "s.yaml")
    (said,) = caught.value.diagnostics
    assert (said.line, hint in said.hint) == (line, True), str(caught.value)


def _damaged(text: str) -> dict[int, list[str]]:
    """Line → the texts in which it is indented by one space more or less."""
    lines = text.split("\n")
    found = {}
    for row, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#"):
            others = [" " + line] + ([line[1:]] if line.startswith(" ") else [])
            found[row + 1] = [
                "\n".join([*lines[:row], other, *lines[row + 1 :]]) for other in others
            ]
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_a_line_that_is_indented_otherwise_is_named(path: Path) -> None:
    for row, texts in _damaged(path.read_text()).items():
        for text in texts:
            try:
                loads(text)
            except SpecError as error:
                lines = {each.line for each in error.diagnostics}
                assert row in lines or f"line {row}" in str(error), str(error)
