"""The Script: one generated script with every decision taken, ready to be printed.

Each section is a frozen dataclass that names its template and what it imports. All
that a template prints is `Code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from .code import Code
from .imports import Import


class Section(Protocol):
    """A part of a script, printed by the template that it names."""

    @property
    def template(self) -> str:
        """Its file in `templates`."""
        ...

    @property
    def imports(self) -> Sequence[Import]:
        """What the part needs imported at the top of the script."""
        ...


@dataclass(frozen=True, slots=True)
class Header:
    """The comments at the top.

    Attributes:
        version: narrowcast's.
        source: The spec, relative to the script.
        command: What regenerates the script, run in its folder.
        python: TOML string of the Python versions.
        dependencies: TOML strings of requirements.
        spec: TOML string of the spec's path.
        spec_sha256: TOML string of the canonical spec's hash.
    """

    version: Code
    source: Code
    command: Code
    python: Code
    dependencies: tuple[Code, ...]
    spec: Code
    spec_sha256: Code


@dataclass(frozen=True, slots=True)
class Script:
    """A generated script.

    Attributes:
        template: The framework's, for the whole script.
        file_name: The script's own name if the user gives none.
        title: The docstring's text.
        imports: All import lines at the top.
        constants: Assignments in order, laid out.
        sections: Functions in order.
    """

    template: str
    file_name: str
    header: Header
    title: Code
    imports: Code
    constants: tuple[Code, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class MadeModel:
    """A model made by the user's factory, with trained weights loaded into it.

    Attributes:
        template: In the framework's own words.
        local_imports: Imports within the function.
        seed: Seed of what the factory draws.
        factory: The call that makes it.
        weights: Statements that load the weights.
        result: The expression that is returned.
    """

    imports: ClassVar[Sequence[Import]] = ()
    template: str
    local_imports: Code
    seed: Code
    factory: Code
    weights: tuple[Code, ...]
    result: Code


@dataclass(frozen=True, slots=True)
class FileModel:
    """A model that a file holds whole.

    Attributes:
        template: In the framework's own words.
        opening: The statement that opens the file.
    """

    imports: ClassVar[Sequence[Import]] = ()
    template: str
    opening: Code


@dataclass(frozen=True, slots=True)
class FileData:
    """A dataset read from one file.

    Attributes:
        title: What it holds.
        reading: The call that reads it, laid out.
    """

    template: ClassVar[str] = "data/file.py.j2"
    title: Code
    reading: Code
    reader: Import

    @property
    def imports(self) -> Sequence[Import]:
        return (
            ("functools", "cache"),
            ("narrowcast.runtime.evaluation.data.arrays", "Arrays"),
            self.reader,
        )


@dataclass(frozen=True, slots=True)
class PythonData:
    """The user's own dataset class.

    Attributes:
        local_import: Import within the function.
        making: The call that makes it, laid out.
    """

    template: ClassVar[str] = "data/python.py.j2"
    imports: ClassVar[Sequence[Import]] = (
        ("functools", "cache"),
        ("narrowcast.runtime.evaluation.data.indexed", "Indexed"),
    )
    local_import: Code
    making: Code


@dataclass(frozen=True, slots=True)
class Batches:
    """The loop over a dataset.

    Attributes:
        template: In the framework's own words.
        title: The docstring's text.
        size: Samples in a batch.
        limit: Statements that set `stop`, the number of samples used.
        statements: What reads a batch and makes it `inputs` (tensors) and `labels`.
    """

    template: str
    title: Code
    size: Code
    limit: tuple[Code, ...]
    statements: tuple[Code, ...]

    @property
    def imports(self) -> Sequence[Import]:
        return (
            ("collections.abc", "Iterator"),
            ("typing", "Any"),
            ("numpy as np", ""),
        )


@dataclass(frozen=True, slots=True)
class SyntheticBatches:
    """One random batch of what the spec declares, where it names no data.

    Attributes:
        template: In the framework's own words.
        title: The docstring's text.
        seed: The generator's seed.
        statements: What draws the inputs and makes them `inputs` (tensors).
    """

    imports: ClassVar[Sequence[Import]] = (
        ("collections.abc", "Iterator"),
        ("numpy as np", ""),
        ("narrowcast.runtime.evaluation.data.synthetic", "random_array"),
    )
    template: str
    title: Code
    seed: Code
    statements: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class DeclaredBatches:
    """One random batch of what the model declares, where the spec names no data.

    Attributes:
        template: In the framework's own words.
        seed: The generator's seed.
        size: Samples in the batch, where the model leaves that open.
    """

    imports: ClassVar[Sequence[Import]] = (
        ("collections.abc", "Iterator"),
        ("numpy as np", ""),
        ("narrowcast.runtime.evaluation.data.synthetic", "random_inputs"),
    )
    template: str
    seed: Code
    size: Code


@dataclass(frozen=True, slots=True)
class BuiltInMetric:
    """A metric of the runtime.

    Attributes:
        title: What it measures, the docstring's text.
        class_: Its class.
        making: The call that makes it.
        module: Where it is imported from.
    """

    template: ClassVar[str] = "metric/built_in.py.j2"
    title: Code
    class_: Code
    making: Code
    module: str

    @property
    def imports(self) -> Sequence[Import]:
        return ((self.module, self.class_),)


@dataclass(frozen=True, slots=True)
class PythonMetric:
    """The user's own metric class.

    Attributes:
        title: The docstring's text.
        local_import: Import within the function.
        making: The call that makes it, laid out.
    """

    template: ClassVar[str] = "metric/python.py.j2"
    imports: ClassVar[Sequence[Import]] = (
        ("narrowcast.runtime.evaluation.metrics.metric", "Metric"),
    )
    title: Code
    local_import: Code
    making: Code


@dataclass(frozen=True, slots=True)
class Convert:
    """The steps of a conversion.

    Attributes:
        title: The docstring's line.
        requiring: The statement that checks machine and framework.
        judged: Whether a metric judges it.
        each: Whether it is made for each of several precisions.
        steps: Statements from the model as loaded to the plans that were found.
    """

    template: ClassVar[str] = "shared/convert.py.j2"
    title: Code
    requiring: Code
    judged: bool
    each: bool
    steps: tuple[Code, ...]
    imports_of_steps: tuple[Import, ...]

    @property
    def imports(self) -> Sequence[Import]:
        judged = ("Budget", "Criterion") if self.judged else ()
        each = ("Converted",) if self.each else ()
        always = ("Pins", "Precision", "Report", "Requirements", "Run", "Sources")
        names = (*always, *judged, *each, "command_line")
        return (
            ("__future__", "annotations"),
            ("sys", ""),
            ("pathlib", "Path"),
            ("typing", "TYPE_CHECKING"),
            *(("narrowcast.runtime", name) for name in names),
            *self.imports_of_steps,
        )
