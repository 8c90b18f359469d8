"""How a script judges the model's outputs."""

from __future__ import annotations

from narrowcast.spec.metric import MSE
from narrowcast.spec.spec import Evaluation, PythonClass, TopK

from .code import Code, docstring, literal
from .layout import call, laid_out, yaml_value
from .names import importing
from .script import BuiltInMetric, PythonMetric, Section

METRICS = "narrowcast.runtime.evaluation.metrics"


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
    local_import, expression = importing(given.object)
    arguments = {key: yaml_value(value) for key, value in given.args.items()}
    title = f"{given.object.module}.{given.object.name}: update, reset and result."
    return PythonMetric(
        title=docstring(title),
        local_import=local_import,
        making=laid_out("return ", call(expression, **arguments), indent=4),
    )
