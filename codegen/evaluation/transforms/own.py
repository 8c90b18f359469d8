"""A user's own transforms: each is made once, by a function of the script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from narrowcast.spec import Spec
from narrowcast.spec.sections.transforms.conversions import ToNDArray, ToTensor
from narrowcast.spec.sections.transforms.own import Own
from narrowcast.spec.sections.transforms.transform import Transform
from narrowcast.spec.spec import PythonObject

from ...frameworks import framework_of
from ...names import importing
from ...sections import EVALUATED, Called, OwnTransform
from ...writing.code import Code
from ...writing.layout import Group, Item, call, laid_out, yaml_value
from .calling import PACKAGE
from .step import Step

MODULE = f"{PACKAGE}.own"


def own_sections(
    transforms: Sequence[Transform], called: Called = EVALUATED
) -> Iterator[OwnTransform]:
    """One function for each, in order."""
    for number, name in names(transforms, called).items():
        transform = transforms[number]
        assert isinstance(transform, Own)
        yield _section(name, transform)


def names(
    transforms: Sequence[Transform], called: Called = EVALUATED
) -> Mapping[int, Code]:
    """The transforms that are the user's own, by number → what makes them."""
    numbers = [k for k, each in enumerate(transforms) if isinstance(each, Own)]
    return {
        number: Code(f"{called.transform}_{row}") if row > 1 else called.transform
        for row, number in enumerate(numbers, start=1)
    }


def objects(transforms: Sequence[Transform]) -> tuple[PythonObject, ...]:
    """What is imported for them."""
    return tuple(_object(each) for each in transforms if isinstance(each, Own))


def handed_over(transforms: Sequence[Transform]) -> tuple[bool, ...]:
    """Which of them are given the framework's tensor: those right after one is made."""
    before = (None, *transforms[:-1])
    return tuple(
        isinstance(each, Own) and isinstance(last, ToTensor | ToNDArray)
        for last, each in zip(before, transforms, strict=True)
    )


def step(spec: Spec, name: Code, *, handed: bool) -> Step:
    """The call of one.

    Args:
        name: What makes it.
        handed: Whether it is given the framework's tensor.
    """
    image: Code | Group = Code("image")
    if handed:
        image = framework_of(spec).tensor(spec, Code("image"), Code("image.dtype"))
    given: Item = ("", image) if isinstance(image, Group) else image
    called = Group(f"{name}()(", (given, Code("label")), ")")
    return Step((laid_out("image, label = ", called, 4),))


def _section(name: Code, transform: Own) -> OwnTransform:
    local_import, expression = importing(_object(transform))
    arguments = {key: yaml_value(value) for key, value in transform.args.items()}
    given = call("own_transform", **arguments)
    made = Group(given.opening, (expression, *given.items), ")")
    return OwnTransform(
        imports=(("functools", "cache"), (MODULE, "Step"), (MODULE, "own_transform")),
        name=name,
        local_imports=local_import,
        making=laid_out("return ", made, 4),
    )


def _object(transform: Own) -> PythonObject:
    module, _, attribute = transform.python.partition(":")
    return PythonObject(module, attribute)
