"""The Script: one generated script with every decision taken, ready to be printed."""

from __future__ import annotations

from dataclasses import dataclass

from .sections import Section
from .writing.code import Code


@dataclass(frozen=True)
class Header:
    """The comments at the top.

    Attributes:
        version: narrowcast's.
        source: The spec, relative to the script.
        command: What regenerates the script, run in its folder.
        python: TOML string of the Python versions.
        dependencies: TOML strings of requirements.
        unknown: The user's modules whose requirements nobody can know, "" for none.
        spec: TOML string of the spec's path.
        spec_sha256: TOML string of the canonical spec's hash.
    """

    version: Code
    source: Code
    command: Code
    python: Code
    dependencies: tuple[Code, ...]
    unknown: Code
    spec: Code
    spec_sha256: Code


@dataclass(frozen=True)
class Script:
    """A generated script.

    Attributes:
        package: Where it imports its runtime from.
        title: The docstring's text.
        standard: Imports of the standard library.
        fitting: What ends it where the runtime is another one.
        imports: All other import lines at the top.
        type_imports: Those that only type checkers run.
        constants: Assignments in order, laid out.
        sections: Functions in order.
        ending: The statement that runs it.
    """

    header: Header
    package: Code
    title: Code
    standard: Code
    fitting: Code
    imports: Code
    type_imports: Code
    constants: tuple[Code, ...]
    sections: tuple[Section, ...]
    ending: Code
