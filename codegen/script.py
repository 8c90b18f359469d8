"""The Script: one generated script with every decision taken, ready to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .sections import Section
from .writing.code import Code
from .writing.imports import Import


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
        file_name: The script's own name if the user gives none.
        title: The docstring's text.
        imports: All import lines at the top.
        type_imports: Those that only type checkers run.
        constants: Assignments in order, laid out.
        sections: Functions in order.
    """

    file_name: str
    header: Header
    title: Code
    imports: Code
    type_imports: Code
    constants: tuple[Code, ...]
    sections: tuple[Section, ...]


RUNTIME = ("Report", "Requirements", "Precision", "Run", "Sources", "Pins")


@dataclass(frozen=True, slots=True)
class Convert:
    """The steps of a conversion that a metric judges.

    Attributes:
        adapter: The framework's adapter, as the script calls it.
        adapter_import: The line that imports it.
        objective: The expression that makes it.
        objective_imports: What the expression needs.
        trace_options: Arguments of `trace` that the spec asks for.
        after_trace: Statements about `traced`.
        file: Name of the converted model, an expression.
        package: Name of the compiled package, an expression; None for no package.
        evaluates_rules: Whether the rule-based placement is scored besides being timed.
        template: Of one precision, or of several that are each tried.
        low: The precision, as the steps call it.
    """

    template: str
    low: Code
    adapter: Code
    adapter_import: Code
    objective: Code
    objective_imports: tuple[Import, ...]
    trace_options: tuple[Code, ...]
    after_trace: tuple[Code, ...]
    file: Code
    package: Code | None
    evaluates_rules: bool

    @property
    def imports(self) -> Sequence[Import]:
        judged = (
            "Budget",
            "Converted",
            "Criterion",
            "Evaluation",
            "Judgement",
            "Placement",
            "Watch",
            "closest",
        )
        names = (*RUNTIME, *judged, *_package_names(self.package))
        return (*_convert_imports(names), *self.objective_imports)

    @property
    def converted(self) -> Code:
        """What is known of a saved model."""
        package = ", package" if self.package else ""
        evaluate = "" if self.package else "evaluate="
        evaluate = f", {evaluate}evaluate" if self.evaluates_rules else ""
        return Code(f"traced, found, plan, saved, judgement{package}{evaluate}")


@dataclass(frozen=True, slots=True)
class ConvertEach(Convert):
    """The same steps for each of several precisions, the better of which is kept.

    Attributes:
        model: The type of what is loaded.
    """

    model: Code

    @property
    def imports(self) -> Sequence[Import]:
        return (*super(ConvertEach, self).imports, ("functools", "partial"))


@dataclass(frozen=True, slots=True)
class ConvertUnjudged:
    """The steps of a conversion without data: everything low, nothing checked.

    Attributes: as `Convert`.
    """

    template: ClassVar[str] = "shared/convert_unjudged.py.j2"
    adapter: Code
    adapter_import: Code
    objective: Code
    objective_imports: tuple[Import, ...]
    trace_options: tuple[Code, ...]
    after_trace: tuple[Code, ...]
    file: Code
    package: Code | None

    @property
    def imports(self) -> Sequence[Import]:
        names = (*RUNTIME, "everything_low", *_package_names(self.package))
        return (*_convert_imports(names), *self.objective_imports)


@dataclass(frozen=True, slots=True)
class ConvertUnexecuted:
    """The steps of a conversion for a runtime that is not here.

    Attributes: as `Convert`.
    """

    template: ClassVar[str] = "shared/convert_unexecuted.py.j2"
    adapter: Code
    adapter_import: Code
    objective: Code
    objective_imports: tuple[Import, ...]
    trace_options: tuple[Code, ...]
    file: Code

    @property
    def imports(self) -> Sequence[Import]:
        names = (*RUNTIME, "everything_low")
        return (*_convert_imports(names), *self.objective_imports)


def _package_names(package: Code | None) -> Sequence[str]:
    return () if package is None else ("Package",)


def _convert_imports(names: Sequence[str]) -> Sequence[Import]:
    return (
        ("__future__", "annotations"),
        ("sys", ""),
        ("pathlib", "Path"),
        ("typing", "TYPE_CHECKING"),
        *(("narrowcast.runtime", name) for name in (*names, "command_line")),
    )
