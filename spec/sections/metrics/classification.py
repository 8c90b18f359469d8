"""Metrics of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from ...reading.codes import Code
from ...releases.libraries import SCIKIT_LEARN
from ..fields import Among, Amount, Size, Whole
from ..marks import unused
from ..section import Block, Problem, Section
from .measure import Measure


class TopK(Measure):
    """Share of samples whose label is among the k largest outputs."""

    higher_is_better = True
    k: Size = Field(description="How many outputs count.")


class OfClasses(Measure):
    """A metric that compares class numbers, and makes them of scores."""

    higher_is_better = True
    threshold: Amount | None = Field(
        default=None,
        description="Of a model that gives the score of class 1 alone, one for each "
        "label: above this, 1 counts as predicted.",
    )
    axis: Whole | None = Field(
        default=None,
        description="Of outputs with the batch's axis: where the classes are; left out, "
        "1 or the last, whichever fits.",
    )

    def rules(self) -> Iterator[Iterator[Problem]]:
        yield self._axis_problems()

    def _axis_problems(self) -> Iterator[Problem]:
        if self.axis == 0:
            message = "axis 0 counts the samples"
            yield Problem(
                message, "write 1, or -1 for the last", ("axis",), code=Code.RANGE
            )
        if self.axis is not None and self.threshold is not None:
            message = "a threshold is for outputs without an axis of classes"
            yield Problem(message, "write one of them", ("axis",), code=Code.CHOICE)


class Accuracy(OfClasses):
    """Share of predictions that are right."""


AVERAGES = ("binary", "macro", "micro", "weighted", "samples")


class F1(OfClasses):
    """Harmonic mean of precision and recall."""

    average: Annotated[str, AfterValidator(Among(AVERAGES).check)] = Field(
        default="binary",
        description="Over classes, as scikit-learn has it: binary (the F1 of class 1 of "
        "two), macro, micro, weighted or samples.",
    )

    @property
    def packages(self) -> tuple[str, ...]:
        return (SCIKIT_LEARN,)


class ROC(Measure):
    """Area under the ROC curve of a model of two classes."""

    higher_is_better = True
    task: Any = unused(
        "dlrm", "The model.", "has no effect here: the area means one thing for all"
    )

    @property
    def packages(self) -> tuple[str, ...]:
        return (SCIKIT_LEARN,)


CORRELATED, MATTHEWS = "sts-b", "cola"

TASKS = (
    "mrpc",
    "qqp",
    "qnli",
    "rte",
    CORRELATED,
    MATTHEWS,
    "mnli",
    "wnli",
    "sst-2",
)
"""Tasks of GLUE; accuracy is the metric of all but the two with names above."""


class GLUE(Measure):
    """The metric of a GLUE task."""

    higher_is_better = True
    task: Annotated[str, AfterValidator(Among(TASKS).check)] = Field(
        default="mrpc", description=f"The task: one of {', '.join(TASKS)}."
    )

    @property
    def packages(self) -> tuple[str, ...]:
        return (SCIKIT_LEARN,) if self.task == MATTHEWS else ()


# In the section, a field hides the class that it is called after.
_Accuracy = Accuracy
_F1 = F1
_ROC = ROC
_GLUE = GLUE


def _largest(k: object) -> object:
    return None if k is None else {"k": k}


class Catalogue(Section):
    """What `metric` can name of these."""

    topk: Annotated[
        TopK | None, BeforeValidator(_largest, json_schema_input_type=Size | None)
    ] = Field(
        default=None,
        description="Share of samples whose label is among the k largest outputs.",
    )
    Accuracy: Block[_Accuracy] = Field(
        default=None, description="Share of predictions that are right."
    )
    F1: Block[_F1] = Field(
        default=None, description="Harmonic mean of precision and recall."
    )
    ROC: Block[_ROC] = Field(default=None, description="Area under the ROC curve.")
    GLUE: Block[_GLUE] = Field(default=None, description="The metric of a GLUE task.")
