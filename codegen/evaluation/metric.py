"""How a script judges the model's outputs: one entry for each metric."""

from __future__ import annotations

from narrowcast.spec.sections.metric import MSE, TopK
from narrowcast.spec.spec import Metric, PythonClass, PythonObject

from ..names import importing
from ..sections import EvalFunc, MadeOnce
from ..writing.code import Code, docstring, literal
from ..writing.imports import Import
from ..writing.layout import Group, call, laid_out, yaml_value

METRICS = "narrowcast.runtime.evaluation.metrics"


def metric_section(metric: Metric) -> MadeOnce:
    """The metric's function."""
    match metric:
        case TopK(k=k):
            among = "the largest output" if k == 1 else f"among the {k} largest outputs"
            title = f"Top-{k}: the share of samples whose label is {among}."
            return _built_in((f"{METRICS}.topk", "TopK"), title, k=literal(k))
        case MSE(compare_label=True):
            title = "Mean over samples of the squared difference from the label."
            return _built_in((f"{METRICS}.mse", "MSE"), title)
        case MSE():
            title = (
                "Mean over samples of the squared difference from fp32's own output."
            )
            given = {"compare_label": literal(False)}
            return _built_in((f"{METRICS}.mse", "MSE"), title, **given)
        case PythonClass():
            return _python(metric)


def eval_func_section(given: PythonObject) -> EvalFunc:
    """The function that calls the user's."""
    local_import, expression = importing(given)
    title = f"{given.module}.{given.name}: the accuracy of a model."
    calling = Code(f"{expression}(model)")
    return EvalFunc(docstring(title), local_import, calling)


def _built_in(class_: Import, title: str, **arguments: Code) -> MadeOnce:
    """A metric of the runtime, made with these arguments."""
    return _section(class_, title, Code(""), call(class_[1], **arguments))


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
