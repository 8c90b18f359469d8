"""What scripts of one framework have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from narrowcast.spec import Spec
from narrowcast.spec.releases.frameworks import Releases

from ..sections import LoadModel
from ..writing.code import Code
from ..writing.imports import Import, import_lines
from ..writing.layout import Group, Item, laid_out, values

MODEL = Code("Model")

TRUSTED = Code("# model.trust in the spec: code in this file can run here.")


@dataclass(frozen=True)
class Framework:
    """A framework, or one runtime of ONNX models, as scripts name it.

    Attributes:
        title: Its name for people.
        extra: narrowcast's extra.
        releases: What of it, and of what the adapter imports, it works with.
        package: Where the script imports the functions that open models from.
        adapter: What the script imports to trace, evaluate and save.
        ending: What follows NAME.PRECISION in the converted model's name.
        model: The section that loads the model.
        tensor: One array of a batch as the framework takes it.
        tensor_type: The type of that.
        loaded: The type of a model as scripts load it.
        tensor_imports: What making it needs.
        type_imports: What the annotations of a script need.
        executed: Whether the script runs the converted model.
        binds: Whether models may say nothing of their inputs, so that those are what the
            data gives.
    """

    title: str
    extra: str
    releases: Releases
    package: str
    adapter: Import
    ending: str
    model: Callable[[Spec], LoadModel]
    tensor: Callable[[Spec, Code, Code], Group | Code]
    tensor_type: Code
    tensor_imports: tuple[Import, ...]
    type_imports: tuple[Import, ...]
    loaded: Code = MODEL
    executed: bool = True
    binds: bool = False


def opened(
    spec: Spec,
    reader: Import,
    arguments: Sequence[Item],
    title: str,
    loaded: str = "Model",
    method: str = "",
) -> LoadModel:
    """The model in a file, as one of the runtime's functions opens it.

    Args:
        method: What is called on what the function returns: ".module()".
    """
    trust = (Code("trust=True"),) if spec.model.trust else ()
    loading = Group(f"{reader[1]}(", (*arguments, *trust), f"){method}")
    return LoadModel(
        type=Code(loaded),
        title=Code(title),
        local_imports=import_lines([reader], indent=4),
        statements=(),
        returning=trusted(spec, laid_out("return ", loading, indent=4)),
    )


def supplied(
    spec: Spec, package: str, arguments: Sequence[Item], loaded: str = "Model"
) -> LoadModel:
    """What opens the model that is supplied."""
    trust = (Code("trust=True"),) if spec.model.trust else ()
    opening = Group("open_supplied(", (Code("source"), *arguments, *trust), ")")
    return LoadModel(
        heading=Code("open_model(source: Any)"),
        type=Code(loaded),
        title=Code("The trained model that is supplied."),
        imports=(("typing", "Any"),),
        local_imports=import_lines([(package, "open_supplied")], indent=4),
        statements=(),
        returning=trusted(spec, laid_out("return ", opening, indent=4)),
    )


def selected(spec: Spec) -> tuple[Item, ...]:
    """Which of the model's outputs are judged and kept, if the spec says so."""
    return named("outputs", spec.model.outputs)


def named(key: str, names: tuple[str, ...]) -> tuple[Item, ...]:
    """An argument of the function that opens the model, if there are names for it."""
    return ((f"{key}=", values(names)),) if names else ()


def trusted(spec: Spec, statement: Code) -> Code:
    """In plain sight what it means where the spec trusts the file that is opened."""
    return Code(f"{TRUSTED}\n    {statement}") if spec.model.trust else statement
