"""A user's factory: what it is called with, and what loads weights into what it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from narrowcast.spec import Spec
from narrowcast.spec.reading.source import Data
from narrowcast.spec.spec import Model, PythonObject, is_path

from ..names import imported
from ..sections import LoadModel
from ..writing.code import Code, literal
from ..writing.imports import Import, import_lines
from ..writing.layout import Group, call, laid_out, yaml_value
from .framework import trusted

PATH: Import = ("narrowcast.runtime.frameworks.opening.arguments", "path_argument")


@dataclass(frozen=True)
class Factory:
    """How a framework loads trained weights into what a user's factory makes.

    Attributes:
        seeding: The function that seeds what the factory draws.
        variable: The model's variable, with its type where the factory's is unknown.
        reader: What loads the weights.
        options: Its arguments after the model and the file.
        imports: What else the function needs.
        result: The call that is returned.
    """

    seeding: str
    variable: str
    reader: Import
    options: tuple[Code, ...]
    imports: tuple[Import, ...]
    result: Group


def paths(model: Model) -> Mapping[str, str]:
    """What a script calls the paths among a factory's arguments → these paths.

    There is no other `MODEL` where a factory makes it.
    """
    found = dict.fromkeys(_paths(tuple(model.arguments.values())))
    return {
        "MODEL" if row == 1 else f"MODEL_{row}": path
        for row, path in enumerate(found, start=1)
    }


def _paths(value: Data) -> Iterator[str]:
    if isinstance(value, str) and is_path(value):
        yield value
    elif isinstance(value, Mapping):
        yield from _paths(tuple(value.values()))
    elif isinstance(value, tuple):
        for each in value:
            yield from _paths(each)


def _arguments(model: Model) -> dict[str, Code | Group]:
    """The keyword arguments as source; paths by the names that the script has for them."""
    names = {path: name for name, path in paths(model).items()}

    def plain(value: object) -> Code:
        name = names.get(value) if isinstance(value, str) else None
        return literal(value) if name is None else Code(f"{PATH[1]}({name})")

    return {key: yaml_value(value, plain) for key, value in model.arguments.items()}


def made(
    spec: Spec, factory: PythonObject, words: Factory, title: str, loaded: str = "Model"
) -> LoadModel:
    """The model that the user's factory makes, with its weights."""
    module, name, expression = imported(factory)
    wanted = [(module, name), *words.imports]
    making = call(expression, **_arguments(spec.model))
    statements = [
        Code(f"{words.seeding}(SEED)"),
        laid_out(f"{words.variable} = ", making, indent=4),
    ]
    if paths(spec.model):
        wanted.append(PATH)
    if spec.model.weights:
        wanted.append(words.reader)
        given = (Code("model"), Code("WEIGHTS"), *words.options)
        loading = Group(f"{words.reader[1]}(", given, ")")
        statements.append(trusted(spec, laid_out("", loading, indent=4)))
    return LoadModel(
        type=Code(loaded),
        title=Code(title),
        local_imports=import_lines(wanted, indent=4),
        statements=tuple(statements),
        returning=laid_out("return ", words.result, indent=4),
    )
