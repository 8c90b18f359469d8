"""The assignments at the top of a script: what is converted, and within which limits."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from narrowcast.spec import Spec
from narrowcast.spec.sections.datasets.dataset import BuiltInDataset
from narrowcast.spec.sections.metrics.measure import Measure
from narrowcast.spec.sections.metrics.poststeps import PostStep
from narrowcast.spec.spec import (
    Evaluation,
    Input,
    Pin,
    Pins,
    PythonClass,
    PythonObject,
    measures,
)

from .evaluation.drift import drift_constant
from .evaluation.transforms import own
from .evaluation.transforms.section import is_drawn
from .frameworks import factory, framework_of
from .quantization import calibrating, quantization_constant, quantizers
from .sections import CALIBRATED
from .writing.code import Code, literal
from .writing.layout import Group, call, divided, laid_out, tuple_of, values, wrapped


def constants(spec: Spec, folder: str) -> tuple[Code, ...]:
    """One laid-out assignment each, in the order of reading."""
    framework = framework_of(spec)
    more: dict[str, Code | Group] = {}
    if spec.execution == "compile":
        more["compiler"] = literal(True)
    if beside := quantizers(spec):
        more["beside"] = values(beside)

    def required(precision: Code) -> Group:
        return call(
            "Requirements",
            framework=literal(framework.releases.framework),
            precision=precision,
            device=literal(spec.device),
            **more,
        )

    lows = [Code(f"Precision.{each.upper()}") for each in spec.precisions]
    if len(lows) == 1:
        low = [Code(f"LOW = {lows[0]}")]
        requirements = required(Code("LOW"))
    else:
        low, requirements = [], tuple_of([required(each) for each in lows])
    read, drawn = files(spec), any(one.values for one in spec.model.inputs)
    lines = [
        *[Code("HERE = Path(__file__).resolve().parent")] * (bool(read) or drawn),
        *(here(name, path, folder) for name, path in read.items()),
        wrapped("NAME = ", literal(spec.model.slug)),
        *_seed(spec),
        *low,
        laid_out("REQUIREMENTS = ", requirements),
        laid_out("INPUTS = ", _inputs(spec, folder)),
        laid_out("SOURCES = ", _sources(spec, read, folder)),
        laid_out("PINS = ", _pins(spec)),
        *quantization_constant(spec),
    ]
    return (*lines, *_limits(spec), *_performance(spec))


def _inputs(spec: Spec, folder: str) -> Group:
    return tuple_of([_input(one, folder) for one in spec.model.inputs])


def _input(one: Input, folder: str) -> Group:
    """What the spec says of it; the rest is the model's own."""
    given: dict[str, Code | Group] = {"name": literal(one.name)}
    if one.shape is not None:
        given["shape"] = values(one.shape)
    if one.dtype is not None:
        given["dtype"] = literal(one.dtype)
    if one.largest:
        given["largest"] = literal(dict(one.largest))
    if one.range:
        ends = (int(end) if end.is_integer() else end for end in one.range)
        given["range"] = values(tuple(ends))
    if one.values:
        given["values"] = _beside(one.values, folder)
    if one.value:
        given["value"] = literal(one.value[0])
    return call("Input", **given)


def _beside(path: str, folder: str) -> Code:
    """A file beside the spec, where it has no name of its own."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return Code(f"HERE / {literal(joined)}")


def here(name: str, path: str, folder: str) -> Code:
    """The assignment of a spec's path, relative to the script's own folder.

    Args:
        path: As the spec has it, relative to the spec.
        folder: From the script's folder to the spec's, "" if they are one.
    """
    joined = posixpath.normpath(posixpath.join(folder, path))
    return divided(f"{name} = ", Code("HERE"), literal(joined))


def files(spec: Spec) -> dict[str, str]:
    """What a script calls the files that it reads → their paths in the spec."""
    paths = {
        "MODEL": spec.model.path,
        **factory.paths(spec.model),
        "WEIGHTS": spec.model.weights,
        **_data(spec),
    }
    return {name: path for name, path in paths.items() if path}


def _data(spec: Spec) -> Mapping[str, str]:
    """What the dataset, the metric and what is between them read."""
    evaluation = spec.evaluation
    own = measures(evaluation.metric)
    parts = (evaluation.dataset, *own, *evaluation.postprocess)
    reading = (e for e in parts if isinstance(e, BuiltInDataset | Measure | PostStep))
    found = {name: path for each in reading for name, path in each.files.items()}
    given = calibrating(spec)
    calibration = given.evaluation.dataset if given else None
    if isinstance(calibration, BuiltInDataset):
        for name, path in calibration.files.items():
            found[CALIBRATED.files + name] = path
    return found


def _sources(spec: Spec, read: Mapping[str, str], folder: str) -> Group:
    data, drawn = _data(spec), [one.values for one in spec.model.inputs if one.values]
    given = {
        "model": tuple_of([Code(name) for name in read if name not in data]),
        "data": tuple_of(
            [
                *(Code(name) for name in read if name in data),
                *(_beside(path, folder) for path in dict.fromkeys(drawn)),
            ]
        ),
        "modules": values(tuple(dict.fromkeys(python_modules(spec)))),
    }
    return call(
        "Sources", **{kind: group for kind, group in given.items() if group.items}
    )


def python_modules(spec: Spec) -> Iterator[str]:
    """Modules of the user that the script imports."""
    if spec.model.factory:
        yield spec.model.factory.module
    for part in (*(each.dataset for each in data_of(spec)), spec.evaluation.metric):
        if isinstance(part, PythonClass):
            yield part.object.module
    for each in data_of(spec):
        for given in own.objects(each.transforms):
            yield given.module
    if isinstance(spec.evaluation.eval_func, PythonObject):
        yield spec.evaluation.eval_func.module


def data_of(spec: Spec) -> tuple[Evaluation, ...]:
    """What is evaluated, and what ranges are taken from where that is other data."""
    given = calibrating(spec)
    return (spec.evaluation,) if given is None else (spec.evaluation, given.evaluation)


def _pins(spec: Spec) -> Group:
    given = _held(spec.pins)
    if spec.pins.int8:
        of_int8 = _held(spec.pins.int8).items()
        given |= {f"int8_{kind}": each for kind, each in of_int8}
    return call("Pins", **given)


def _held(pins: Pins) -> dict[str, Code | Group]:
    """What is forbidden something, and what a narrower demand frees of it."""
    kinds = {"types": pins.types, "names": pins.names}
    given: dict[str, Code | Group] = {}
    if pins.everything:
        given["everything"] = literal(pins.everything)
    given |= {kind: _table(each) for kind, each in kinds.items() if each}
    freed = {"freed_types": pins.freed_types, "freed_names": pins.freed_names}
    return given | {kind: values(each) for kind, each in freed.items() if each}


def _table(pins: Sequence[Pin]) -> Group:
    """Pattern → the spec's key that says so."""
    rows = (Code(f"{literal(pin.pattern)}: {literal(pin.where)}") for pin in pins)
    return Group("{", tuple(rows), "}")


DEFAULT_SEED = 1978
"""What the runtime takes of itself: Neural Compressor's default."""


def _seed(spec: Spec) -> tuple[Code, ...]:
    """Where a factory, data or its order is drawn, or the search is seeded otherwise."""
    draws = spec.model.factory is not None or spec.evaluation.dataset is None
    if draws or any(map(_draws, data_of(spec))) or spec.seed != DEFAULT_SEED:
        return (Code(f"SEED = {literal(spec.seed)}"),)
    return ()


def _draws(evaluation: Evaluation) -> bool:
    """Whether data or its order is drawn."""
    dataset = evaluation.dataset
    drawn = isinstance(dataset, BuiltInDataset) and dataset.seeded
    return drawn or evaluation.shuffle or is_drawn(evaluation)


def _limits(spec: Spec) -> tuple[Code, ...]:
    """What only a conversion that is judged has: a criterion and a budget."""
    criterion = spec.evaluation.criterion
    if criterion is None:
        return ()
    budget = spec.budget
    kind = "absolute" if criterion.relative is None else "relative"
    allowed = literal(getattr(criterion, kind))

    def one(higher: bool) -> Group:
        direction = literal(higher)
        return call("Criterion", **{kind: allowed}, higher_is_better=direction)

    higher = criterion.higher_is_better
    demanded = (
        tuple_of(list(map(one, higher))) if isinstance(higher, tuple) else one(higher)
    )
    limits = {"max_trials": literal(budget.max_trials)}
    if budget.timeout is not None:
        limits["timeout"] = literal(budget.timeout)
    if budget.error_rate is not None:
        limits["error_rate"] = literal(budget.error_rate)
    if spec.seed != DEFAULT_SEED:
        limits["seed"] = Code("SEED")
    return (
        laid_out("CRITERION = ", demanded),
        *drift_constant(spec),
        laid_out("BUDGET = ", call("Budget", **limits)),
    )


def _performance(spec: Spec) -> Iterator[Code]:
    """How speed is measured, if that is asked for; without the framework's own choices."""
    asked = spec.performance
    if asked is None:
        return
    given = {"warmup": asked.warmup}
    optional = {
        "instances": asked.instances if asked.instances > 1 else None,
        "iterations": asked.iterations,
        "batch_size": asked.batch_size,
        "cores": asked.cores,
        "intra_threads": asked.intra_threads,
        "inter_threads": asked.inter_threads,
    }
    given |= {name: value for name, value in optional.items() if value is not None}
    arguments = {name: literal(value) for name, value in given.items()}
    yield laid_out("PERFORMANCE = ", call("Performance", **arguments))
