"""All codes, explained one by one and as a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import fill, indent

from . import commands, reading, rules, running, values
from .entry import Entry

PARTS = {
    "Reading a spec": reading.ENTRIES,
    "Keys and values": values.ENTRIES,
    "Rules and notes": rules.ENTRIES,
    "Running a script": running.ENTRIES,
    "Commands, files, endings": commands.ENTRIES,
}
ENTRIES: Mapping[str, Entry] = {
    entry.code: entry for part in PARTS.values() for entry in part
}
FORM = re.compile(r"[Nn][Cc]\d{3}")

TOP = """\
# Error codes

Every error and note has a code: `error[NC201]`. A code is a kind of mistake; it stays what it is while messages change, and one that falls away is not used
again. `narrowcast explain NC201` prints what is said here. This page is written by `python -m narrowcast.codes`.

`--format text|json|github` of `generate`, `validate`, `migrate` and `run` says how mistakes are shown: with the line and a caret, as one JSON object, or as
annotations of a GitHub workflow. Under `--format json`, and under `--json` of any command and script, standard output is one JSON object in every outcome:
`exit_code`, and `diagnostics`, each with `severity`, `code`, `message`, `remedy`, `file`, `line`, `column` and `key` (null where there is none); a command that
succeeds adds what it did, a script its report. A process that is killed, or that crashes in native code, prints nothing.

Colours are for terminals. NO_COLOR turns them off; FORCE_COLOR or CLICOLOR_FORCE turns them on elsewhere; CLICOLOR=0 and TERM=dumb turn them off.

| exit code | means |
|---|---|
| 0 | done: the criterion holds, or there was none; a note changes nothing |
| 1 | `--check` or `--diff` found drift, or the criterion is missed; nothing else |
| 2 | bad spec, options, model, data or plan; a file or standard output can't be written |
| 3 | the machine or the framework lacks something |
| 4 | a bug in narrowcast |
| 130 | interrupted |
"""


def is_code(text: str) -> bool:
    """Whether the text is written as a code, known or not."""
    return FORM.fullmatch(text) is not None


def explained_code(code: str) -> str:
    """What a code means, an example, and the remedy.

    Raises:
        KeyError: There is no such code.
    """
    entry = ENTRIES[code.upper()]
    ends = "A note" if entry.exit_code is None else f"Exit code {entry.exit_code}"
    return "\n\n".join(
        (
            f"{entry.code}: {entry.title}. {ends}.",
            fill(entry.meaning, 88),
            f"Example:\n{indent(entry.example.rstrip(), '    ')}",
            fill(f"Remedy: {entry.remedy}", 88),
        )
    )


def document() -> str:
    """docs/errors.md."""
    lines = [TOP]
    for title, entries in PARTS.items():
        lines += [f"## {title}\n"]
        lines += [line for entry in entries for line in _described(entry)]
    return "\n".join(lines).rstrip() + "\n"


def _described(entry: Entry) -> tuple[str, ...]:
    ends = "" if entry.exit_code is None else f" Exit code {entry.exit_code}."
    return (
        f"### {entry.code}: {entry.title}\n",
        f"{entry.meaning}{ends}\n",
        f"```\n{entry.example.rstrip()}\n```\n",
        f"{entry.remedy}\n",
    )
