"""What can go wrong, as types: each carries what the user can do about it.

Text and exit codes are made at the edge (`command_line`, the CLI), from `exit_code`.
"""

from __future__ import annotations


class NarrowcastError(Exception):
    """Base of all errors that are the user's to solve.

    Args:
        message: What is wrong, naming the place.
        remedy: What the user can do about it.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(NarrowcastError):
    """The script was called, or put together, in a way that can't work."""


class ModelError(NarrowcastError):
    """The model can't be loaded, traced or converted."""


class ModelWarning(UserWarning):
    """What the report should say of a model that loads all the same."""


class DataError(NarrowcastError):
    """The evaluation data is not usable, or doesn't fit the metric."""


class MetricError(NarrowcastError):
    """The metric fails on a model's outputs."""


class PlanError(NarrowcastError):
    """A plan does not fit the model that it is applied to."""


class RequirementError(NarrowcastError):
    """The machine or the framework lacks what the precision needs."""

    exit_code = 3


def first_line(error: BaseException) -> str:
    """What another's error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


NEW = "Make a new plan with --search."

MODEL = "Make a new plan with --search, or restore the model that it was made for."
