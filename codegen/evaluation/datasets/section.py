"""The function of a script that makes its dataset."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.spec import Dataset, PythonClass

from ...names import importing
from ...sections import MadeOnce
from ...writing.code import Code
from ...writing.imports import Import
from ...writing.layout import Group, Item, call, laid_out, yaml_value
from . import files
from .reading import DATA, Readings

READINGS: Readings = {**files.READINGS}


def dataset_section(dataset: Dataset, prepared: bool) -> MadeOnce:
    """The dataset's function.

    Args:
        prepared: Whether the script has `prepare`, which each sample goes through.
    """
    if isinstance(dataset, PythonClass):
        return _python(dataset, prepared)
    reading = READINGS[type(dataset)](dataset)
    given = call(reading.reader[1], **reading.arguments)
    names = tuple(map(Code, dataset.files))
    made = Group(given.opening, (*names, *given.items), ")")
    if dataset.stacks and not prepared:
        type_, module, making = "Arrays", f"{DATA}.arrays", made
    else:
        type_, module = "Decoded", f"{DATA}.decoded"
        making = _prepared("Decoded(", made, prepared)
    return _section(type_, module, reading.title, Code(""), making, reading.reader)


def packages(dataset: Dataset | None) -> tuple[str, ...]:
    """Requirements of reading it."""
    return dataset.packages if isinstance(dataset, BuiltInDataset) else ()


def _python(dataset: PythonClass, prepared: bool) -> MadeOnce:
    local_import, expression = importing(dataset.object)
    arguments = {key: yaml_value(value) for key, value in dataset.args.items()}
    making = _prepared("Indexed(", call(expression, **arguments), prepared)
    title = "The samples, made once."
    return _section("Indexed", f"{DATA}.indexed", title, local_import, making)


def _prepared(opening: str, made: Group, prepared: bool) -> Group:
    items: tuple[Item, ...] = (("", made), *([Code("prepare")] if prepared else []))
    return Group(opening, items, ")")


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
