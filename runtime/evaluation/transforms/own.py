"""A user's transform, or one of torchvision, Keras or Gluon, as a step.

Called with the sample's image, it returns the image. One that takes two arguments gets
image and label and returns both; so does one whose one argument is called `sample`, as
Neural Compressor's do: that is given the pair.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from ...common.copies import own_copy
from ...common.errors import DataError
from ...common.places import described, place_of, users_code
from .images import SPEC

Step = Callable[[Any, Any], tuple[Any, Any]]
"""(image, label) → (image, label)."""


def own_transform(given: Any, /, **args: Any) -> Step:
    """The step that a user's class makes, or a function.

    Args:
        given: A class is made with `args`; a function is called with them each time.

    Raises:
        DataError: It can't be made, or can't be called.
    """
    name = getattr(given, "__qualname__", type(given).__name__)
    made = given
    if isinstance(given, type):
        with users_code(lambda error: _failed(name, "can't be made", error)):
            made = given(**args)
    elif args:
        made = partial(given, **args)
    if not callable(made):
        raise DataError(
            f"{SPEC}.python: {name} can't be called",
            "Name a function of an image, or a class whose objects can be called.",
        )
    takes = _parameters(made)
    if takes == ["sample"]:
        return partial(_of_pair, name, lambda image, label: made((image, label)))
    if len(takes) == 2:
        return partial(_of_pair, name, made)
    return partial(_of_image, name, made)


def _parameters(function: Callable[..., Any]) -> list[str]:
    """The names that it must be given by position."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    return [
        each.name for each in found if each.kind in kinds and each.default is each.empty
    ]


def _of_image(
    name: str, made: Callable[[Any], Any], image: Any, label: Any
) -> tuple[Any, Any]:
    with users_code(lambda error: _failed(name, "failed", error)):
        found = made(own_copy(image))
    return _something(name, found), label


def _of_pair(
    name: str, made: Callable[[Any, Any], Any], image: Any, label: Any
) -> tuple[Any, Any]:
    with users_code(lambda error: _failed(name, "failed", error)):
        found = made(own_copy(image), own_copy(label))
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise DataError(
            f"{SPEC}.python: {name} returned {type(found).__name__}, "
            "not (image, label)",
            "What takes image and label returns both.",
        )
    return _something(name, found[0]), found[1]


def _something(name: str, image: Any) -> Any:
    if image is None:
        raise DataError(
            f"{SPEC}.python: {name} returned None", "Return the image that it made."
        )
    return image


def _failed(name: str, what: str, error: BaseException) -> DataError:
    return DataError(
        f"{SPEC}.python: {name} {what}{place_of(error)}: {described(error)}",
        "It is called with a sample's image; what it takes and returns is in "
        "docs/spec.md.",
    )
