"""The function of a script that makes its metric."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec.sections.metrics.measure import Measure
from narrowcast.spec.sections.metrics.poststeps import PostStep
from narrowcast.spec.spec import Evaluation, Metric, PythonClass, PythonObject

from ...names import importing
from ...sections import EvalFunc, MadeOnce
from ...writing.code import Code, docstring
from ...writing.imports import Import
from ...writing.layout import Group, call, laid_out, yaml_value
from . import classification, detection, others, regression
from .making import METRICS, Making, Makings
from .postprocess import wrapped

MAKINGS: Makings = {
    **classification.MAKINGS,
    **regression.MAKINGS,
    **detection.MAKINGS,
    **others.MAKINGS,
}


def metric_section(metric: Metric, steps: Sequence[PostStep] = ()) -> MadeOnce:
    """The metric's function.

    Args:
        steps: What is done to outputs and labels before the metric.
    """
    if isinstance(metric, PythonClass):
        return _python(metric, steps)
    made: Making = MAKINGS[type(metric)](metric)
    making = call(made.metric[1], **made.arguments)
    making, type_, imports = wrapped(making, made.metric, steps)
    return _section(type_, made.title, Code(""), making, (*made.imports, *imports))


def packages(evaluation: Evaluation) -> tuple[str, ...]:
    """Requirements of computing the metric, and of what comes before."""
    metric = evaluation.metric
    own = metric.packages if isinstance(metric, Measure) else ()
    steps = (name for step in evaluation.postprocess for name in step.packages)
    return (*own, *steps)


def eval_func_section(given: PythonObject) -> EvalFunc:
    """The function that calls the user's."""
    local_import, expression = importing(given)
    title = f"{given.module}.{given.name}: the accuracy of a model."
    calling = Code(f"{expression}(model)")
    return EvalFunc(docstring(title), local_import, calling)


def _python(given: PythonClass, steps: Sequence[PostStep]) -> MadeOnce:
    local_import, expression = importing(given.object)
    arguments = {key: yaml_value(value) for key, value in given.args.items()}
    title = f"{given.object.module}.{given.object.name}: update, reset and result."
    making = call(expression, **arguments)
    making, type_, imports = wrapped(making, (f"{METRICS}.metric", "Metric"), steps)
    return _section(type_, title, local_import, making, imports)


def _section(
    type_: Import, title: str, local: Code, making: Group, imports: Sequence[Import]
) -> MadeOnce:
    return MadeOnce(
        template="metric.py.j2",
        imports=(type_, *imports),
        type=Code(type_[1]),
        title=docstring(title),
        local_imports=local,
        making=laid_out("return ", making, indent=4),
    )
