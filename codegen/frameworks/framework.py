"""What scripts of one framework have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from narrowcast.spec import Spec

from ..code import Code
from ..imports import Import
from ..layout import Group, laid_out
from ..script import Section

PYTHON = ">=3.11"

TRUSTED = Code("# model.trust in the spec: code in this file can run here.")


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework, or one runtime of ONNX models, as scripts name it.

    Attributes:
        title: Its name for people.
        extra: narrowcast's extra.
        lowest: Requirement that the script checks before it starts.
        pins: Compatible releases for the PEP 723 block.
        templates: The folder of its templates.
        adapter: What the script imports to trace, evaluate and save.
        ending: What follows NAME.PRECISION in the converted model's name.
        model: The section that loads the model, by the spec and the folder from the
            script to it.
        tensor: One array of a batch as the framework takes it.
        python: Versions of Python that it works with.
        executed: Whether the script runs the converted model.
        channels_last: Whether images have their channels in the last dimension.
        loaded: The type of what the script's load_model() returns.
    """

    title: str
    extra: str
    lowest: str
    pins: tuple[str, ...]
    templates: str
    adapter: Import
    ending: str
    model: Callable[[Spec, str], Section]
    tensor: Callable[[Spec, Code, Code], Group | Code]
    python: str = PYTHON
    executed: bool = True
    channels_last: bool = False
    loaded: str = "Model"


def returned(spec: Spec, loading: Group) -> Code:
    """`return` and the call; in plain sight what it means where the spec trusts."""
    return trusted(spec, laid_out("return ", loading, indent=4))


def trusted(spec: Spec, statement: Code) -> Code:
    """The statement, below a comment where the spec trusts the file that it opens."""
    return Code(f"{TRUSTED}\n    {statement}") if spec.model.trust else statement


def trust(spec: Spec) -> tuple[Code, ...]:
    """The argument of a function that opens a file."""
    return (Code("trust=True"),) if spec.model.trust else ()
