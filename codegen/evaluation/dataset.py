"""How a script reads its dataset: one entry for each kind of file."""

from __future__ import annotations

from narrowcast.spec.sections.dataset import Csv, Npz
from narrowcast.spec.spec import Dataset, PythonClass

from ..names import importing
from ..sections import MadeOnce
from ..writing.code import Code, literal
from ..writing.imports import Import
from ..writing.layout import Group, call, laid_out, values, yaml_value

DATA = "narrowcast.runtime.evaluation.data"


def dataset_section(dataset: Dataset) -> MadeOnce:
    """The dataset's function."""
    match dataset:
        case Npz():
            return _file(
                "All samples of the archive, read once.",
                (f"{DATA}.npz", "read_npz"),
                inputs=values(dataset.inputs),
                label=literal(dataset.label),
            )
        case Csv():
            return _file(
                "All samples of the file, one row each, read once.",
                (f"{DATA}.csv", "read_csv"),
                **_csv(dataset),
            )
        case PythonClass():
            return _python(dataset)


def _csv(dataset: Csv) -> dict[str, Code | Group]:
    """Arguments of the reader, without the defaults that people expect."""
    arguments: dict[str, Code | Group] = {"label": literal(dataset.label)}
    if dataset.shape is not None:
        arguments["shape"] = values(dataset.shape)
    if dataset.header:
        arguments["header"] = literal(True)
    if dataset.delimiter != ",":
        arguments["delimiter"] = literal(dataset.delimiter)
    return arguments


def _file(title: str, reader: Import, **arguments: Code | Group) -> MadeOnce:
    """What a function of the runtime reads, of these arguments after the file."""
    given = call(reader[1], **arguments)
    reading = Group(given.opening, (Code("DATA"), *given.items), ")")
    return _section("Arrays", f"{DATA}.arrays", title, Code(""), reading, reader)


def _python(dataset: PythonClass) -> MadeOnce:
    local_import, expression = importing(dataset.object)
    arguments = {key: yaml_value(value) for key, value in dataset.args.items()}
    given = call("Indexed.made_by", **arguments)
    making = Group(given.opening, (expression, *given.items), given.closing)
    title = "The samples, made once."
    return _section("Indexed", f"{DATA}.indexed", title, local_import, making)


def _section(
    type_: str, module: str, title: str, local: Code, making: Group, *others: Import
) -> MadeOnce:
    return MadeOnce(
        template="dataset.py.j2",
        imports=(("functools", "cache"), (module, type_), *others),
        type=Code(type_),
        title=Code(title),
        local_imports=local,
        making=laid_out("return ", making, indent=4),
    )
