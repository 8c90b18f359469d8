"""The function of a script that makes its metric."""

from __future__ import annotations

from narrowcast.spec.sections.metrics.measure import Measure
from narrowcast.spec.spec import Metric, PythonClass, PythonObject

from ...names import importing
from ...sections import EvalFunc, MadeOnce
from ...writing.code import Code, docstring
from ...writing.imports import Import
from ...writing.layout import Group, call, laid_out, yaml_value
from . import classification, regression
from .making import METRICS, Makings

MAKINGS: Makings = {**classification.MAKINGS, **regression.MAKINGS}


def metric_section(metric: Metric) -> MadeOnce:
    """The metric's function."""
    if isinstance(metric, PythonClass):
        return _python(metric)
    made = MAKINGS[type(metric)](metric)
    making = call(made.metric[1], **made.arguments)
    return _section(made.metric, made.title, Code(""), making)


def packages(metric: Metric | None) -> tuple[str, ...]:
    """Requirements of computing it."""
    return metric.packages if isinstance(metric, Measure) else ()


def eval_func_section(given: PythonObject) -> EvalFunc:
    """The function that calls the user's."""
    local_import, expression = importing(given)
    title = f"{given.module}.{given.name}: the accuracy of a model."
    calling = Code(f"{expression}(model)")
    return EvalFunc(docstring(title), local_import, calling)


def _python(given: PythonClass) -> MadeOnce:
    local_import, expression = importing(given.object)
    arguments = {key: yaml_value(value) for key, value in given.args.items()}
    title = f"{given.object.module}.{given.object.name}: update, reset and result."
    making = call(expression, **arguments)
    return _section((f"{METRICS}.metric", "Metric"), title, local_import, making)


def _section(type_: Import, title: str, local: Code, making: Group) -> MadeOnce:
    return MadeOnce(
        template="metric.py.j2",
        imports=(type_,),
        type=Code(type_[1]),
        title=docstring(title),
        local_imports=local,
        making=laid_out("return ", making, indent=4),
    )
