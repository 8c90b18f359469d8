"""The function of a script that makes its dataset."""

from __future__ import annotations

from dataclasses import replace

from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.spec import Dataset, PythonClass

from ...names import importing
from ...sections import EVALUATED, Called, MadeOnce, Preparing
from ...writing.code import Code, literal
from ...writing.imports import Import
from ...writing.layout import Group, Item, call, laid_out, yaml_value
from . import files, folders, images, random, records, tables, text
from .reading import DATA, Reading, Readings

READINGS: Readings = {
    **files.READINGS,
    **folders.READINGS,
    **images.READINGS,
    **random.READINGS,
    **records.READINGS,
    **tables.READINGS,
    **text.READINGS,
}
MADE: Import = (f"{DATA}.indexed", "made")
BALANCED: Import = (f"{DATA}.images.balance", "Balanced")


def dataset_section(
    dataset: Dataset,
    preparing: Preparing,
    objects: int | None = None,
    called: Called = EVALUATED,
) -> MadeOnce:
    """The dataset's function.

    Args:
        preparing: What each sample goes through.
        objects: How many an image has to have, None where all images are read.
    """
    if isinstance(dataset, PythonClass):
        return replace(_python(dataset, preparing), name=called.dataset)
    reading = READINGS[type(dataset)](dataset)
    made = _made(reading, tuple(dataset.files), called.files)
    functions = (reading.reader, *(each.function for each in reading.around))
    imports = [*functions, *reading.imports, *preparing.imports]
    if objects is not None:
        made = Group("Balanced(", (("", made), literal(objects)), ")")
        imports.append(BALANCED)
    if dataset.stacks and not preparing.prepare:
        module, type_, making = f"{DATA}.arrays", "Arrays", made
    else:
        module, type_ = reading.batched
        if preparing.own:
            module, type_ = MADE[0], "Indexed"
            made = _anew(made)
            imports.append(MADE)
        making = _prepared(type_, made, preparing)
    made_once = _section(type_, module, reading.title, Code(""), making, *imports)
    return replace(made_once, name=called.dataset)


def _made(reading: Reading, files: tuple[str, ...], before: str) -> Group:
    """The reader's call, with what is made of it around it."""
    apart = {name for each in reading.around for name in each.files}
    own = tuple(Code(before + name) for name in files if name not in apart)
    given = call(reading.reader[1], **reading.arguments)
    made = Group(given.opening, (*own, *given.items), ")")
    for each in reading.around:
        given = call(each.function[1], **each.arguments)
        items = (
            ("", made),
            *(Code(before + name) for name in each.files),
            *given.items,
        )
        made = Group(given.opening, items, ")")
    return made


def _anew(made: Group) -> Group:
    """The dataset, and with it the user's transforms, draws the same in each pass."""
    maker = Code(made.opening.removesuffix("("))
    return Group("made(", (maker, *made.items), ")")


def packages(dataset: Dataset | None) -> tuple[str, ...]:
    """Requirements of reading it."""
    return dataset.requirements if isinstance(dataset, BuiltInDataset) else ()


def _python(dataset: PythonClass, preparing: Preparing) -> MadeOnce:
    local_import, expression = importing(dataset.object)
    arguments = {key: yaml_value(value) for key, value in dataset.args.items()}
    given = call("made", **arguments)
    made = Group(given.opening, (expression, *given.items), given.closing)
    making = _prepared("Indexed", made, preparing)
    title, module = "The samples, made once.", MADE[0]
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
