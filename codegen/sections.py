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

LOADING = Code("load_model()")
INPUTS = Code("inputs")
NOTHING = Code("")
CONVERTED = Code("converted")


@dataclass(frozen=True)
class Called:
    """What a script calls the functions and constants that give it data.

    Attributes:
        files: How the constants of what it reads begin.
    """

    dataset: Code
    batches: Code
    prepare: Code
    transform: Code
    files: str = ""


EVALUATED = Called(Code("dataset"), Code("batches"), Code("prepare"), Code("transform"))
CALIBRATED = Called(
    Code("calibration_dataset"),
    Code("calibration_batches"),
    Code("prepare_calibration"),
    Code("calibration_transform"),
    "CALIBRATION_",
)


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


@dataclass(frozen=True)
class LoadModel:
    """The trained model: what a file holds, or a factory makes.

    Attributes:
        heading: The function's name and parameters.
        type: Of what is returned.
        title: The docstring's text.
        imports: What the heading needs.
        local_imports: Imports within the function.
        statements: What makes it and loads its weights, where no file holds it whole.
        returning: The statement that returns it.
    """

    template: ClassVar[str] = "model.py.j2"
    type: Code
    title: Code
    local_imports: Code
    statements: tuple[Code, ...]
    returning: Code
    heading: Code = LOADING
    imports: Sequence[Import] = ()


@dataclass(frozen=True)
class MadeOnce:
    """The dataset or the metric: one call, of the runtime's or of the user's.

    Attributes:
        template: The dataset's or the metric's.
        imports: The type, and what is called if that is the runtime's.
        type: Of what is returned.
        title: The docstring's text.
        local_imports: What is imported within the function, "" for nothing.
        making: The statement that returns it, laid out.
        name: A dataset's function's.
    """

    template: str
    imports: Sequence[Import]
    type: Code
    title: Code
    local_imports: Code
    making: Code
    name: Code = EVALUATED.dataset


@dataclass(frozen=True)
class Batches:
    """The loop over a dataset, or over what is supplied.

    Attributes:
        argument: What is supplied, with its type; "" where the script has a dataset.
        title: The docstring's text.
        tensor: The framework's type of an input.
        local_imports: What making tensors needs, "" for nothing.
        reading: The head of the loop, laid out.
        statements: What takes a batch apart and makes tensors of it.
        inputs: The tuple of tensors.
    """

    template: ClassVar[str] = "batches.py.j2"
    imports: Sequence[Import]
    title: Code
    tensor: Code
    local_imports: Code
    reading: Code
    statements: tuple[Code, ...] = ()
    inputs: Code = INPUTS
    argument: Code = NOTHING
    name: Code = EVALUATED.batches


@dataclass(frozen=True)
class Preparing:
    """What a script's dataset does to its samples.

    Attributes:
        prepare: The expression of the function that each goes through, "" for none.
        imports: What it needs.
        own: Whether code of the user's is in it, which may not bear threads.
    """

    prepare: Code
    imports: Sequence[Import] = ()
    own: bool = False


@dataclass(frozen=True)
class Prepare:
    """What each sample goes through.

    Attributes:
        local_imports: What handing a tensor over needs, "" for nothing.
        statements: Assignments to the sample's image, in order.
        heading: The function's name, parameters and type, laid out.
    """

    template: ClassVar[str] = "prepare.py.j2"
    imports: Sequence[Import]
    local_imports: Code
    statements: tuple[Code, ...]
    heading: Code


@dataclass(frozen=True)
class OwnTransform:
    """A transform of the user's.

    Attributes:
        name: The function's.
        local_imports: The import of what it is made of.
        making: The statement that returns it, laid out.
    """

    template: ClassVar[str] = "transform.py.j2"
    imports: Sequence[Import]
    name: Code
    local_imports: Code
    making: Code


@dataclass(frozen=True)
class EvalFunc:
    """The user's function that scores a model.

    Attributes:
        title: The docstring's text.
        local_imports: The import of it.
        calling: The call.
    """

    template: ClassVar[str] = "eval_func.py.j2"
    imports: ClassVar[Sequence[Import]] = (("typing", "Any"),)
    title: Code
    local_imports: Code
    calling: Code


@dataclass(frozen=True)
class Convert:
    """The steps of a conversion.

    Attributes:
        heading: The function's name, parameters and type.
        title: The docstring's line.
        names: What is imported of the runtime.
        beginning: Statements up to the model, loaded and scored.
        each: Whether it is made for each of several precisions.
        steps: Statements from the model as loaded to the plans that were found.
        finishing: What the last one is called with.
    """

    template: ClassVar[str] = "convert.py.j2"
    heading: Code
    title: Code
    names: tuple[str, ...]
    beginning: tuple[Code, ...]
    each: bool
    steps: tuple[Code, ...]
    imports_of_steps: tuple[Import, ...]
    finishing: Code = CONVERTED

    @property
    def imports(self) -> Sequence[Import]:
        return (
            ("__future__", "annotations"),
            ("sys", ""),
            ("typing", "TYPE_CHECKING"),
            *(("narrowcast.runtime", name) for name in self.names),
            *self.imports_of_steps,
        )
