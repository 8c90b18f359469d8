"""What is not a plain mapping in YAML is refused at its place, quickly and safely."""

from pathlib import Path

import pytest

from narrowcast.spec import SpecError, load, loads

CASES = [
    pytest.param(
        "",
        """\
s.yaml:1:1: error[NC109]: the spec is empty
    hint: write at least `model:`
""",
        id="empty",
    ),
    pytest.param(
        "# nothing\n",
        """\
s.yaml:1:1: error[NC109]: the spec is empty
    # nothing
    ^
    hint: write at least `model:`
""",
        id="comment only",
    ),
    pytest.param(
        "~\n",
        """\
s.yaml:1:1: error[NC109]: the spec is empty
    ~
    ^
    hint: write at least `model:`
""",
        id="null",
    ),
    pytest.param(
        "- a\n",
        """\
s.yaml:1:1: error[NC109]: a spec is a mapping of keys to values, this is a list
    - a
    ^
    hint: start with `model:`
""",
        id="list",
    ),
    pytest.param(
        "hello\n",
        """\
s.yaml:1:1: error[NC109]: a spec is a mapping of keys to values, this is a single value
    hello
    ^
    hint: start with `model:`
""",
        id="scalar",
    ),
    pytest.param(
        "a: b: c\n",
        """\
s.yaml:1:5: error[NC103]: mapping values are not allowed here
    a: b: c
        ^
    hint: quote a value that contains `: `
""",
        id="nested colon",
    ),
    pytest.param(
        "a:\n\tb: 1\n",
        """\
s.yaml:2:1: error[NC103]: while scanning for the next token, found character '\\t' that cannot start any token
    \tb: 1
    ^
    hint: YAML indents with spaces, not tabs
""",
        id="tab",
    ),
    pytest.param(
        "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> theirs\n",
        """\
s.yaml:2:1: error[NC103]: a merge-conflict marker was left in the file
    <<<<<<< HEAD
    ^
    hint: resolve the conflict
""",
        id="conflict",
    ),
    pytest.param(
        "a: {b: 1\n",
        """\
s.yaml:1:4: error[NC103]: while parsing a flow mapping, expected ',' or '}', but got '<stream end>'
    a: {b: 1
       ^
    hint: a bracket is not closed, or a comma is missing
""",
        id="open bracket",
    ),
    pytest.param(
        "a: 'b\n",
        """\
s.yaml:1:4: error[NC103]: while scanning a quoted scalar, found unexpected end of stream
    a: 'b
       ^
    hint: a quote or bracket is not closed
""",
        id="open quote",
    ),
    pytest.param(
        "a: `b`\n",
        """\
s.yaml:1:4: error[NC103]: while scanning for the next token, found character '`' that cannot start any token
    a: `b`
       ^
    hint: quote a value that starts with a special character
""",
        id="backquote",
    ),
    pytest.param(
        "a: *.weight\n",
        """\
s.yaml:1:5: error[NC103]: while scanning an alias, expected alphabetic or numeric character, but found '.'
    a: *.weight
        ^
    hint: quote a value that starts with `*` or `&`
""",
        id="star",
    ),
    pytest.param(
        "a: *b\n",
        """\
s.yaml:1:4: error[NC103]: found undefined alias 'b'
    a: *b
       ^
    hint: quote a value that starts with `*`
""",
        id="undefined alias",
    ),
    pytest.param(
        "a:\n  b: 1\n c: 2\n",
        """\
s.yaml:3:2: error[NC104]: this line is indented by 1 space: it belongs to no line above
    c: 2
    ^
    hint: check the indentation: no spaces as in line 1 or 2 spaces as in line 2 would fit
""",
        id="indent",
    ),
    pytest.param(
        "a: 1\nb\nc: 2\n",
        """\
s.yaml:2:1: error[NC103]: while scanning a simple key, could not find expected ':'
    b
    ^
    hint: a key is followed by `: ` and its value
""",
        id="no colon",
    ),
    pytest.param(
        'a: "\\."\n',
        """\
s.yaml:1:6: error[NC103]: while scanning a double-quoted scalar, found unknown escape character '.'
    a: "\\."
         ^
    hint: use single quotes where a value holds backslashes
""",
        id="backslash",
    ),
    pytest.param(
        "a: 1\n---\nb: 2\n",
        """\
s.yaml:2:1: error[NC103]: expected a single document in the stream, but found another document
    ---
    ^
    hint: a spec is one document: remove the second `---`
""",
        id="two documents",
    ),
    pytest.param(
        "a: \x1b[1m\n",
        """\
s.yaml:1:4: error[NC102]: the character U+001B is not allowed in YAML
    a: \ufffd[1m
       ^
""",
        id="control character",
    ),
    pytest.param(
        'a: "\\UFFFFFFFF"\n',
        """\
s.yaml:1:7: error[NC102]: not a character or number in YAML
    a: "\\UFFFFFFFF"
          ^
""",
        id="absurd escape",
    ),
    pytest.param(
        "%YAML 2.0\n---\na: 1\n",
        """\
s.yaml:1:1: error[NC103]: found incompatible YAML document (version 1.* is required)
    %YAML 2.0
    ^
""",
        id="yaml 2",
    ),
    pytest.param(
        "a: !!python/object/apply:os.system ['x']\n",
        """\
s.yaml:1:4: error[NC107]: a: the YAML tag `!!python/object/apply:os.system` is not allowed here
    a: !!python/object/apply:os.system ['x']
       ^
    hint: specs hold plain values only
""",
        id="object tag",
    ),
    pytest.param(
        "a: !x 1\n",
        """\
s.yaml:1:4: error[NC107]: a: the YAML tag `!x` is not allowed here
    a: !x 1
       ^
    hint: specs hold plain values only
""",
        id="own tag",
    ),
    pytest.param(
        "a: !!int x\n",
        """\
s.yaml:1:4: error[NC107]: a: `x` is not a YAML int
    a: !!int x
       ^
""",
        id="wrong tag",
    ),
    pytest.param(
        "!!set {a}\n",
        """\
s.yaml:1:1: error[NC107]: the YAML tag `!!set` is not allowed here
    !!set {a}
    ^
    hint: specs hold plain values only
""",
        id="set",
    ),
    pytest.param(
        "a: !!binary aGk=\n",
        """\
s.yaml:1:4: error[NC107]: a: the YAML tag `!!binary` is not allowed here
    a: !!binary aGk=
       ^
    hint: specs hold plain values only
""",
        id="binary",
    ),
    pytest.param(
        "a: 1\nb: 2\na: 3\n",
        """\
s.yaml:3:1: error[NC105]: a: the key is written twice, first in line 1
    a: 3
    ^
    hint: remove one
""",
        id="duplicate",
    ),
    pytest.param(
        "a: {b: 1, b: 2}\n",
        """\
s.yaml:1:11: error[NC105]: a.b: the key is written twice, first in line 1
    a: {b: 1, b: 2}
              ^
    hint: remove one
""",
        id="nested duplicate",
    ),
    pytest.param(
        "1: a\n",
        """\
s.yaml:1:1: error[NC106]: a key must be a string; YAML reads `1` as int
    1: a
    ^
    hint: quote it: '1'
""",
        id="integer key",
    ),
    pytest.param(
        "a: {no: 1}\n",
        """\
s.yaml:1:5: error[NC106]: a: a key must be a string; YAML reads `no` as bool
    a: {no: 1}
        ^
    hint: quote it: 'no'
""",
        id="boolean key",
    ),
    pytest.param(
        "~: 1\n",
        """\
s.yaml:1:1: error[NC106]: a key must be a string; YAML reads `~` as null
    ~: 1
    ^
    hint: quote it: '~'
""",
        id="null key",
    ),
    pytest.param(
        "? [a]\n: 1\n",
        """\
s.yaml:1:3: error[NC106]: a key must be a string, not a collection
    ? [a]
      ^
""",
        id="list key",
    ),
    pytest.param(
        'a: "\\0"\n',
        """\
s.yaml:1:4: error[NC102]: a: a NUL character is not allowed
    a: "\\0"
       ^
""",
        id="nul",
    ),
    pytest.param(
        'a: "\\ud83d\\ude00"\n',
        """\
s.yaml:1:4: error[NC102]: a: half of a surrogate pair is not a character
    a: "\\ud83d\\ude00"
       ^
    hint: write the character itself
""",
        id="surrogate",
    ),
    pytest.param(
        "a: .nan\n",
        """\
s.yaml:1:4: error[NC204]: a: the number is not finite
    a: .nan
       ^
""",
        id="nan",
    ),
    pytest.param(
        "a: [1, -.inf]\n",
        """\
s.yaml:1:8: error[NC204]: a[1]: the number is not finite
    a: [1, -.inf]
           ^
""",
        id="infinity",
    ),
    pytest.param(
        "a: 1e999\n",
        """\
s.yaml:1:4: error[NC204]: a: the number is not finite
    a: 1e999
       ^
""",
        id="overflow",
    ),
    pytest.param(
        "a: 9223372036854775808\n",
        """\
s.yaml:1:4: error[NC204]: a: the number is too large: it must fit in 64 bits
    a: 9223372036854775808
       ^
""",
        id="large",
    ),
    pytest.param(
        "a: &a [*a]\n",
        """\
s.yaml:1:4: error[NC108]: a[0]: an alias contains itself or nests too deep
    a: &a [*a]
       ^
""",
        id="self alias",
    ),
    pytest.param(
        "a: &a {<<: *a}\n",
        """\
s.yaml:1:4: error[NC108]: a: an alias contains itself or nests too deep
    a: &a {<<: *a}
       ^
""",
        id="self merge",
    ),
    pytest.param(
        "<<: 1\n",
        """\
s.yaml:1:5: error[NC107]: `<<` takes a mapping or a list of mappings
    <<: 1
        ^
""",
        id="bad merge",
    ),
    pytest.param(
        "a: " + "[" * 60 + "]" * 60 + "\n",
        """\
s.yaml:1:53: error[NC103]: nested more than 50 deep
    [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
                                                    ^
""",
        id="deep",
    ),
    pytest.param(
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n",
        """\
s.yaml:1:26: error[NC108]: d[7][8][8][6]: the spec holds more than 10000 values, aliases expanded
    a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
                             ^
""",
        id="laughs",
    ),
    pytest.param(
        "a: [" + "1," * 10000 + "]\n",
        """\
s.yaml:1:19999: error[NC103]: the spec holds more than 10000 values
    1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,]
                                                    ^
""",
        id="many",
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_error(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text, "s.yaml")
    assert str(caught.value) == expected.rstrip("\n")


def test_mistakes_come_in_the_order_of_the_file() -> None:
    with pytest.raises(SpecError) as caught:
        loads("zz: 1\nmodel:\n  name: no\n  framework: pytoch\ndevice: tpu\n")
    assert [d.path for d in caught.value.diagnostics] == [
        "zz",
        "model.name",
        "model.framework",
        "device",
    ]


def test_long_lines_are_cut_around_the_caret() -> None:
    with pytest.raises(SpecError) as caught:
        loads("a: {" + "".join(f"b{n}, " for n in range(60)) + "c: !x 1}\n")
    _, shown, caret = str(caught.value).splitlines()[:3]
    assert len(shown) <= 100
    assert shown[caret.index("^")] == "!"


def _said(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load(path)
    return str(caught.value).replace(str(path), "FILE")


def test_missing_file(tmp_path: Path) -> None:
    assert _said(tmp_path / "net.yaml") == "FILE: error[NC101]: no such file"


def test_folder(tmp_path: Path) -> None:
    assert (
        _said(tmp_path)
        == "FILE: error[NC101]: this is a folder\n    hint: name the YAML file"
    )


def test_name_that_no_file_can_have() -> None:
    assert "can't be read" in _said(Path("a\0b"))


def test_large_file(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("#" * 300_000)
    assert _said(path) == "FILE: error[NC101]: a spec may not be larger than 256 KiB"


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes("model:\n  name: Modèle\n".encode("latin-1"))
    assert _said(path) == (
        "FILE:2:12: error[NC102]: not UTF-8: byte 0xe8\n"
        "    name: Mod\n"
        "             ^\n"
        "    hint: save the file as UTF-8"
    )


def test_utf16(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("model:\n", encoding="utf-16")
    assert _said(path).startswith("FILE:1:1: error[NC102]: not UTF-8: byte 0xff\n")
