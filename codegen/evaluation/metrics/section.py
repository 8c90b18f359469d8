"""The function of a script that makes its metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from narrowcast.spec.sections.metrics.measure import Measure
from narrowcast.spec.sections.metrics.poststeps import PostStep
from narrowcast.spec.spec import (
    Evaluation,
    Metric,
    MultiMetrics,
    PythonClass,
    PythonObject,
    measures,
)

from ...names import importing
from ...sections import EvalFunc, MadeOnce
from ...writing.code import Code, docstring
from ...writing.imports import Import
from ...writing.layout import Group, call, laid_out, tuple_of, values, yaml_value
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
    if isinstance(metric, MultiMetrics):
        return _several(metric, steps)
    title, making, type_, imports = _made(metric, steps)
    return _section(type_, title, Code(""), making, imports)


def _made(
    metric: Measure, steps: Sequence[PostStep]
) -> tuple[str, Group, Import, tuple[Import, ...]]:
    """What is said of a metric, its call, what that returns and what it names."""
    made: Making = MAKINGS[type(metric)](metric)
    making = call(made.metric[1], **made.arguments)
    wanted = [each for each in steps if metric.of_labels or not each.shifts_labels]
    making, type_, imports = wrapped(making, made.metric, wanted)
    return made.title, making, type_, (made.metric, *made.imports, *imports)


def _several(metric: MultiMetrics, steps: Sequence[PostStep]) -> MadeOnce:
    """Metrics that each have a criterion, or a mean of products that has one."""
    made = [_made(each, steps) for each in metric.metrics]
    imports = [each for _title, _making, _type, named in made for each in named]
    calls = [making for _title, making, _type, _imports in made]
    name, given = "Several", [*calls]
    title = "Several metrics, each of which must hold."
    titles = [title for title, *_rest in made]
    if metric.weights:
        name, given = "Weighted", [tuple_of(calls), values(metric.weights)]
        title = (
            "The mean of each metric times its weight, which is judged as one number."
        )
        pairs = zip(metric.weights, titles, strict=True)
        titles = [f"{weight:g} x {each}" for weight, each in pairs]
    type_ = (f"{METRICS}.several", name)
    making = Group(f"{name}(", tuple(("", each) for each in given), ")")
    section = _section(type_, title, Code(""), making, imports)
    lines = [section.title, "", *map(docstring, titles), ""]
    return replace(section, title=Code("\n    ".join(lines).replace("    \n", "\n")))


def packages(evaluation: Evaluation) -> tuple[str, ...]:
    """Requirements of computing the metric, and of what comes before."""
    own = (name for each in measures(evaluation.metric) for name in each.packages)
    steps = (name for step in evaluation.postprocess for name in step.packages)
    return tuple(dict.fromkeys((*own, *steps)))


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
