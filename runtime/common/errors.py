"""What can go wrong, as types: each carries what the user can do about it.

Text and exit codes are made at the edge (`main`, the CLI), from `exit_code`.
"""

from __future__ import annotations


class NarrowcastError(Exception):
    """Base of all errors that are the user's to solve.

    Args:
        message: What is wrong, naming the place.
        remedy: What the user can do about it.

    Attributes:
        error_code: The kind of error, which stays what it is while messages change:
            `narrowcast explain CODE` says more.
    """

    error_code = "NC801"
    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message

    def told(self) -> str:
        """What is said of it: `error[NC401]: message`, and the remedy."""
        return f"error[{self.error_code}]: {self}"


class UsageError(NarrowcastError):
    """The script was called, or put together, in a way that can't work."""


class ReportError(UsageError):
    """There is no report of a run where one is to be shown, or it can't be read."""

    error_code = "NC802"


class WriteError(UsageError):
    """A file can't be written: no room, no permission, a name that no file can have."""

    error_code = "NC901"


class OccupiedError(UsageError):
    """What stands where a file is to be written is none, or is not ours to replace."""

    error_code = "NC902"


class StreamError(UsageError):
    """Standard output takes nothing: closed, full, or not read any more."""

    error_code = "NC904"


class HistoryError(UsageError):
    """The history of a search is damaged, or is that of another."""

    error_code = "NC603"


class CostFileError(UsageError):
    """A file of costs is damaged, or is of another model or machine."""

    error_code = "NC604"


class BusyError(UsageError):
    """Another run writes the same files."""

    error_code = "NC606"


class ModelError(NarrowcastError):
    """The model can't be loaded, traced or converted."""

    error_code = "NC401"


class UnsafeError(ModelError):
    """A model's file holds what could run, read or write something when it is opened."""

    error_code = "NC402"


class DamagedError(ModelError):
    """A model's file is damaged: nothing can open it."""

    error_code = "NC403"


class LoadingError(ModelError):
    """The user's own code that makes the model failed."""

    error_code = "NC404"


class RunningError(ModelError):
    """The model, as loaded or as saved, fails on the inputs that it is given."""

    error_code = "NC405"


class ModelWarning(UserWarning):
    """What the report should say of a model that loads all the same."""


class ModelNote(ModelWarning):
    """What the report should note of it, although nothing is wrong."""


class DataError(NarrowcastError):
    """The evaluation data is not usable, or doesn't fit the metric."""

    error_code = "NC501"


class TimeError(DataError):
    """Data, metric or eval_func took longer than --timeout gives."""

    error_code = "NC502"


class MetricError(NarrowcastError):
    """The metric fails on a model's outputs."""

    error_code = "NC503"


class PlanError(NarrowcastError):
    """A plan does not fit the model that it is applied to."""

    error_code = "NC601"


class UnreadablePlanError(PlanError):
    """A plan can't be read, is none, or is damaged."""

    error_code = "NC602"


class RequirementError(NarrowcastError):
    """The machine or the framework lacks what the precision needs."""

    error_code = "NC701"
    exit_code = 3


class MissingPackageError(RequirementError):
    """A package is not installed, or can't be imported."""

    error_code = "NC702"


class FewerBitsError(RequirementError):
    """What is called fp32 is computed in fewer bits here."""

    error_code = "NC703"


class MisfitError(RequirementError):
    """A script and the runtime that it found were not made for each other."""

    error_code = "NC704"


def words(error: BaseException) -> str:
    """What another's error says; "" where it fails to."""
    try:
        return str(error)
    except Exception:  # of the user's own class
        return ""


def first_line(error: BaseException) -> str:
    """What another's error says, in one line."""
    return (words(error).strip() or type(error).__name__).splitlines()[0]


NEW = "Make a new plan with --search."

MODEL = "Make a new plan with --search, or restore the model that it was made for."
