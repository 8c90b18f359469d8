"""How a script judges the model's outputs."""

from __future__ import annotations

from narrowcast.spec.metric import MSE
from narrowcast.spec.spec import Evaluation, PythonClass, TopK

from .code import Code, comment, literal
from .layout import call, laid_out
from .model import imported
from .script import BuiltInMetric, PythonMetric, Section

METRICS = "narrowcast.runtime.metrics"


def metric_section(evaluation: Evaluation) -> Section:
    """The metric's function."""
    match evaluation.metric:
        case TopK(k=k):
            among = "the largest output" if k == 1 else f"among the {k} largest outputs"
            title = f"Top-{k}: the share of samples whose label is {among}."
            making = Code(f"TopK(k={literal(k)})")
            return BuiltInMetric(Code(title), Code("TopK"), making, f"{METRICS}.topk")
        case MSE():
            title = "Mean over samples of the squared difference from the label."
            return BuiltInMetric(
                Code(title), Code("MSE"), Code("MSE()"), f"{METRICS}.mse"
            )
        case PythonClass() as given:
            return _python(given)


def _python(given: PythonClass) -> PythonMetric:
    module, name, expression = imported(given.object, frozenset({"Metric"}))
    arguments = {key: literal(value) for key, value in given.args.items()}
    title = f"{given.object.module}.{given.object.name}: update, reset and result."
    return PythonMetric(
        title=comment(title),
        local_import=Code(f"from {module} import {name}"),
        making=laid_out("return ", call(expression, **arguments), indent=4),
    )
