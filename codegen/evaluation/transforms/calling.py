"""A step that is a call of the runtime's."""

from __future__ import annotations

from narrowcast.spec.sections.section import Section

from ...writing.code import Code, literal
from ...writing.layout import Group, Item, laid_out, list_of
from .step import Place, Step

PACKAGE = "narrowcast.runtime.evaluation.transforms"

GENERATOR = Code("generator")
"""The sample's own, that what draws draws from."""


def called(
    at: Place,
    module: str,
    function: str,
    *arguments: Item,
    **keywords: Code | Group,
) -> Step:
    """`image = function(image, …)`.

    Args:
        module: Of the runtime's transforms, that has the function.
    """
    items: list[Item] = [at.name, *arguments]
    for name, value in keywords.items():
        if isinstance(value, Group):
            items.append((f"{name}=", value))
        else:
            items.append(Code(f"{name}={value}"))
    call = Group(f"{function}(", tuple(items), ")")
    statement = laid_out(f"{at.name} = ", call, at.indent)
    return Step((statement,), ((f"{PACKAGE}.{module}", function),))


def written(
    transform: Section, always: str, defaults: str = ""
) -> dict[str, Code | Group]:
    """Arguments called as a section's keys: some always, some where they say something.

    Args:
        always: Keys, in order.
        defaults: Keys that are left out where they have their default.
    """
    fields = type(transform).model_fields
    found = {key: value_of(getattr(transform, key)) for key in always.split()}
    for key in defaults.split():
        value = getattr(transform, key)
        if value != fields[key].default:
            found[key] = value_of(value)
    return found


def value_of(value: object) -> Code | Group:
    """A number, a word or several."""
    if isinstance(value, tuple):
        return list_of([literal(each) for each in value])
    return literal(value)
