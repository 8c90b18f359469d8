"""The assignments at the top of a script: what is converted, and within which limits."""

from __future__ import annotations

from collections.abc import Sequence

from narrowcast.spec import Spec
from narrowcast.spec.spec import Input, Pin

from .code import Code, literal
from .data import data_file, python_modules
from .frameworks import framework_of
from .layout import Group, call, laid_out, tuple_of, values, wrapped
from .paths import here


def constants(spec: Spec, folder: str) -> tuple[Code, ...]:
    """One laid-out assignment each, in the order of reading."""
    framework = framework_of(spec)
    compiler = {"compiler": literal(True)} if spec.execution == "compile" else {}

    def required(precision: Code) -> Group:
        return call(
            "Requirements",
            framework=literal(framework.lowest),
            precision=precision,
            device=literal(spec.device),
            **compiler,
        )

    lows = [Code(f"Precision.{each.upper()}") for each in spec.precisions]
    if len(lows) == 1:
        low = [Code(f"LOW = {lows[0]}")]
        requirements = required(Code("LOW"))
    else:
        low, requirements = [], tuple_of([required(each) for each in lows])
    lines = [
        wrapped("NAME = ", literal(spec.model.slug)),
        *low,
        laid_out("REQUIREMENTS = ", requirements),
        laid_out("INPUTS = ", _inputs(spec)),
        laid_out("SOURCES = ", _sources(spec, folder)),
        laid_out("PINS = ", _pins(spec)),
    ]
    return (*lines, *_limits(spec))


def _inputs(spec: Spec) -> Group:
    return tuple_of([_input(one) for one in spec.model.inputs])


def _input(one: Input) -> Group:
    """What the spec says of it; the rest is the model's own."""
    given: dict[str, Code | Group] = {"name": literal(one.name)}
    if one.shape is not None:
        given["shape"] = values(one.shape)
    if one.dtype is not None:
        given["dtype"] = literal(one.dtype)
    return call("Input", **given)


def _sources(spec: Spec, folder: str) -> Group:
    model = [path for path in (spec.model.path, spec.model.weights) if path]
    data = [path for path in (data_file(spec),) if path]
    given = {
        kind: tuple_of([here(path, folder) for path in paths])
        for kind, paths in {"model": model, "data": data}.items()
        if paths
    }
    return call("Sources", **given, modules=values(python_modules(spec)))


def _pins(spec: Spec) -> Group:
    kinds = {"types": spec.pins.types, "names": spec.pins.names}
    return call("Pins", **{kind: _table(pins) for kind, pins in kinds.items() if pins})


def _table(pins: Sequence[Pin]) -> Group:
    """Pattern → the spec's key that says so."""
    rows = (Code(f"{literal(pin.pattern)}: {literal(pin.where)}") for pin in pins)
    return Group("{", tuple(rows), "}")


SEED = 1978
"""What the runtime takes of itself: Neural Compressor's default."""


def _limits(spec: Spec) -> tuple[Code, ...]:
    """What only a conversion that is judged has: a criterion and a budget."""
    if spec.evaluation is None:
        return ()
    criterion, budget = spec.evaluation.criterion, spec.budget
    kind = "absolute" if criterion.relative is None else "relative"
    allowed = literal(getattr(criterion, kind))
    higher = literal(criterion.higher_is_better)
    demanded = call("Criterion", **{kind: allowed}, higher_is_better=higher)
    limits = {"max_trials": literal(budget.max_trials)}
    if budget.timeout is not None:
        limits["timeout"] = literal(budget.timeout)
    if budget.error_rate is not None:
        limits["error_rate"] = literal(budget.error_rate)
    if spec.seed != SEED:
        limits["seed"] = literal(spec.seed)
    return (
        laid_out("CRITERION = ", demanded),
        laid_out("BUDGET = ", call("Budget", **limits)),
    )
