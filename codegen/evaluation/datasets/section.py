"""The function of a script that makes its dataset."""

from __future__ import annotations

from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.spec import Dataset, PythonClass

from ...names import importing
from ...sections import MadeOnce, Preparing
from ...writing.code import Code, literal
from ...writing.imports import Import
from ...writing.layout import Group, Item, call, laid_out, yaml_value
from . import files, images, records
from .reading import DATA, Readings

READINGS: Readings = {**files.READINGS, **images.READINGS, **records.READINGS}
BALANCED: Import = (f"{DATA}.images.balance", "Balanced")


def dataset_section(
    dataset: Dataset, preparing: Preparing, objects: int | None = None
) -> MadeOnce:
    """The dataset's function.

    Args:
        preparing: What each sample goes through.
        objects: How many an image has to have, None where all images are read.
    """
    if isinstance(dataset, PythonClass):
        return _python(dataset, preparing)
    reading = READINGS[type(dataset)](dataset)
    given = call(reading.reader[1], **reading.arguments)
    names = tuple(map(Code, dataset.files))
    made = Group(given.opening, (*names, *given.items), ")")
    imports = [reading.reader, *preparing.imports]
    if objects is not None:
        made = Group("Balanced(", (("", made), literal(objects)), ")")
        imports.append(BALANCED)
    if dataset.stacks and not preparing.prepare:
        type_, module, making = "Arrays", f"{DATA}.arrays", made
    else:
        type_, module = "Decoded", f"{DATA}.decoded"
        if preparing.own:
            type_, module = "Indexed", f"{DATA}.indexed"
        making = _prepared(type_, made, preparing)
    return _section(type_, module, reading.title, Code(""), making, *imports)


def packages(dataset: Dataset | None) -> tuple[str, ...]:
    """Requirements of reading it."""
    return dataset.packages if isinstance(dataset, BuiltInDataset) else ()


def _python(dataset: PythonClass, preparing: Preparing) -> MadeOnce:
    local_import, expression = importing(dataset.object)
    arguments = {key: yaml_value(value) for key, value in dataset.args.items()}
    given = call("made", **arguments)
    made = Group(given.opening, (expression, *given.items), given.closing)
    making = _prepared("Indexed", made, preparing)
    title, module = "The samples, made once.", f"{DATA}.indexed"
    needed = ((module, "made"), *preparing.imports)
    return _section("Indexed", module, title, local_import, making, *needed)


def _prepared(type_: str, made: Group, preparing: Preparing) -> Group:
    prepare = [preparing.prepare] if preparing.prepare else []
    items: tuple[Item, ...] = (("", made), *prepare)
    return Group(f"{type_}(", items, ")")


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
