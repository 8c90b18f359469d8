"""Whether a dataset gives a model as many inputs as it takes."""

from __future__ import annotations

from collections.abc import Iterator

from ...reading.codes import Code
from ...reading.diagnostics import Steps
from ..section import Problem


def counted(given: int, named: int, what: str, at: Steps = ()) -> Iterator[Problem]:
    """What keeps so many arrays from feeding a model of so many named inputs.

    Args:
        named: Inputs that the spec names, 0 for none.
        what: The arrays, for messages: "columns".
        at: Where they are written.
    """
    if not named and given > 1:
        yield Problem(
            f"{given} {what}: say which inputs of the model they are",
            "write model.inputs: the names that the model has, in this order",
            at,
            code=Code.COUNT,
        )
    elif given != (named or 1):
        yield Problem(
            f"{given} {what}, but {named or 1} in model.inputs",
            f"name one of the {what} for each of model.inputs, in order",
            at,
            code=Code.COUNT,
        )


def held(given: int, named: int, what: str, at: Steps = ()) -> Iterator[Problem]:
    """As `counted`, of a dataset of Neural Compressor's: without names the arrays go to
    the model's inputs in their order."""
    if named:
        yield from counted(given, named, what, at)
