"""The functions of a script, ready to be printed.

Each is a frozen dataclass that names its template and what it imports; the words of
a framework are fields of it. All that a template prints is `Code`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from .writing.code import Code
from .writing.imports import Import


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
class LoadModel:
    """The trained model: what a file holds, or a factory makes.

    Attributes:
        type: Of what is returned.
        title: The docstring's text.
        local_imports: Imports within the function.
        statements: What makes it and loads its weights, where no file holds it whole.
        returning: The statement that returns it.
    """

    template: ClassVar[str] = "model.py.j2"
    imports: ClassVar[Sequence[Import]] = ()
    type: Code
    title: Code
    local_imports: Code
    statements: tuple[Code, ...]
    returning: Code


@dataclass(frozen=True, slots=True)
class MadeOnce:
    """The dataset or the metric: one call, of the runtime's or of the user's.

    Attributes:
        template: The dataset's or the metric's.
        imports: The type, and what is called if that is the runtime's.
        type: Of what is returned.
        title: The docstring's text.
        local_imports: What is imported within the function, "" for nothing.
        making: The statement that returns it, laid out.
    """

    template: str
    imports: Sequence[Import]
    type: Code
    title: Code
    local_imports: Code
    making: Code


@dataclass(frozen=True, slots=True)
class Batches:
    """The loop over a dataset.

    Attributes:
        title: The docstring's text.
        tensor: The framework's type of an input.
        local_imports: What making tensors needs, "" for nothing.
        reading: The head of the loop, laid out.
        statements: What takes a batch apart and makes it `inputs` (tensors).
    """

    template: ClassVar[str] = "batches.py.j2"
    imports: ClassVar[Sequence[Import]] = (
        ("collections.abc", "Iterator"),
        ("typing", "Any"),
        ("numpy as np", ""),
    )
    title: Code
    tensor: Code
    local_imports: Code
    reading: Code
    statements: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class RandomBatch:
    """One random batch, where the spec names no data.

    Attributes:
        title: The docstring's text.
        tensor: The framework's type of an input.
        local_imports: What making tensors needs, "" for nothing.
        drawing: The call that draws NumPy arrays.
        inputs: The tuple of them as tensors.
    """

    template: ClassVar[str] = "random_batch.py.j2"
    imports: ClassVar[Sequence[Import]] = (
        ("collections.abc", "Iterator"),
        ("numpy as np", ""),
        ("narrowcast.runtime.evaluation.data.synthetic", "random_inputs"),
    )
    title: Code
    tensor: Code
    local_imports: Code
    drawing: Code
    inputs: Code


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

    template: ClassVar[str] = "convert.py.j2"
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
            ("typing", "TYPE_CHECKING"),
            *(("narrowcast.runtime", name) for name in names),
            *self.imports_of_steps,
        )
