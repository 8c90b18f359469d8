"""Which of a script's slots nothing in the spec fills: they are supplied."""

from __future__ import annotations

from dataclasses import dataclass

from narrowcast.spec import Spec
from narrowcast.spec.spec import SUPPLIED

from .frameworks import framework_of
from .writing.code import Code
from .writing.imports import Import

DATA = "narrowcast.runtime.evaluation.data.supplied.supplied"
METRIC = "narrowcast.runtime.evaluation.metrics.metric"


@dataclass(frozen=True)
class Slots:
    """What `convert` takes beside the run."""

    model: bool
    data: bool
    metric: bool
    eval_func: bool


def slots_of(spec: Spec) -> Slots:
    """The slots that are supplied. Where nothing is executed nothing is judged."""
    evaluation = spec.evaluation
    function, judged = evaluation.eval_func, evaluation.criterion is not None
    return Slots(
        model=spec.model.supplied,
        data=evaluation.dataset is None,
        metric=judged and evaluation.metric is None and function is None,
        eval_func=judged and function == SUPPLIED,
    )


def parameters(spec: Spec) -> tuple[Code, ...]:
    """The parameters of `convert`; without data or metric nothing is judged."""
    slots, loaded = slots_of(spec), framework_of(spec).loaded
    made = {
        Code(f"model: Callable[[], {loaded}]"): slots.model,
        Code("data: Data | None = None"): slots.data,
        Code("metric: Callable[[], Metric] | None = None"): slots.metric,
        Code("eval_func: Callable[[Any], Any] | None = None"): slots.eval_func,
    }
    return (Code("run: Run"), *(each for each, supplied in made.items() if supplied))


def imports_of(spec: Spec) -> tuple[Import, ...]:
    """What the annotations of the slots need."""
    slots = slots_of(spec)
    called = slots.model or slots.metric or slots.eval_func
    return (
        *((("collections.abc", "Callable"),) if called else ()),
        *(((DATA, "Data"),) if slots.data else ()),
        *(((METRIC, "Metric"),) if slots.metric else ()),
        *((("typing", "Any"),) if slots.eval_func else ()),
    )


def ending(spec: Spec) -> Code:
    """The script's last statement."""
    opening = ", open_model=open_model" if slots_of(spec).model else ""
    return Code(f"sys.exit(command_line(__file__, NAME, convert{opening}))")
