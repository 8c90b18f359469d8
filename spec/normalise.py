"""Document → Spec: defaults filled in, aliases resolved, one form for each meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .reading.diagnostics import Steps, dotted
from .reading.source import Data
from .sections.dataset import DatasetFile, DatasetSection
from .sections.document import DATA, Document
from .sections.evaluation import AccuracySection
from .sections.fields import absolute
from .sections.frameworks import ModelSection
from .sections.frameworks.onnx import runtime
from .sections.frameworks.tensorflow import is_saved_model
from .sections.metric import BuiltIn, MetricSection
from .sections.model import FRAMEWORKS, InputSection, slug
from .sections.tuning import OBJECTIVES, CriterionSection
from .spec import (
    Budget,
    Criterion,
    Dataset,
    Evaluation,
    Input,
    Metric,
    Model,
    Pin,
    Pins,
    PythonClass,
    PythonObject,
    Spec,
)

DEVICES = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}
SIGNATURE = "serving_default"
BATCH_SIZE = 64
RELATIVE = 0.01


def normalise(document: Document) -> Spec:
    """The spec that a valid document means; never fails, reads nothing else."""
    accuracy = document.evaluation.accuracy
    tuning = document.tuning
    return Spec(
        model=_model(document.model),
        device=DEVICES[document.device],
        precisions=document.mixed_precision.lows,
        pins=_pins(document),
        evaluation=_evaluation(accuracy, tuning.accuracy_criterion),
        objective=OBJECTIVES[tuning.objective],
        execution=tuning.execution,
        budget=Budget(
            tuning.exit_policy.max_trials,
            tuning.exit_policy.timeout or None,
            tuning.error_rate,
        ),
        batch_size=_batch_size(document),
        seed=tuning.random_seed,
        costs=document.costs,
        notices=tuple(_notices(document)),
    )


def _batch_size(document: Document) -> int:
    """The dataloader's; without data, what the first input is fixed to."""
    if accuracy := document.evaluation.accuracy:
        return accuracy.dataloader.batch_size
    inputs = document.model.inputs
    shape = inputs[0].shape if inputs else None
    return shape[0] if shape and isinstance(shape[0], int) else BATCH_SIZE


def _model(model: ModelSection) -> Model:
    framework = FRAMEWORKS[model.framework]
    signature = None
    if framework == "tensorflow" and is_saved_model(model.path):
        signature = model.signature or SIGNATURE
    return Model(
        name=model.name,
        slug=slug(model.name),
        framework=framework,
        runtime=runtime(model) if framework == "onnx" else None,
        path=model.path,
        signature=signature,
        factory=_object(model.factory) if model.factory else None,
        weights=model.weights,
        trust=model.trust,
        inputs=tuple(_input(each, framework) for each in model.inputs),
        outputs=model.outputs,
    )


def _input(section: InputSection, framework: str) -> Input:
    if framework == "pytorch":
        return Input(
            section.name,
            section.shape or (),
            section.dtype or "float32",
            section.largest,
        )
    return Input(section.name, section.shape, section.dtype, section.largest)


def _object(name: str) -> PythonObject:
    module, _, attribute = name.partition(":")
    return PythonObject(module, attribute)


def _class(name: str, args: Mapping[str, Data]) -> PythonClass:
    return PythonClass(_object(name), dict(sorted(args.items())))


def _pins(document: Document) -> Pins:
    found: dict[str, dict[str, Pin]] = {"optype_wise": {}, "op_wise": {}}
    for steps, dtypes in _demands(document):
        _, kind, pattern = map(str, steps)
        if not set(document.mixed_precision.lows) <= set(dtypes):
            found[kind].setdefault(pattern, Pin(pattern, dotted(steps)))
    types, names = (
        tuple(pin for _, pin in sorted(pins.items())) for pins in found.values()
    )
    return Pins(types, names)


def _demands(document: Document) -> Iterator[tuple[Steps, tuple[str, ...]]]:
    """Every per-op demand: its path and the precisions it allows."""
    for section in ("mixed_precision", "quantization"):
        for steps, op in getattr(document, section).ops:
            yield (section, *steps), op.dtypes


def _evaluation(
    accuracy: AccuracySection | None, criterion: CriterionSection
) -> Evaluation:
    if accuracy is None:
        return Evaluation(None, (), None, Criterion(RELATIVE, None, True), None, True)
    loader = accuracy.dataloader
    return Evaluation(
        dataset=_dataset(loader.dataset),
        transforms=loader.transform.steps,
        metric=_metric(accuracy.metric) if accuracy.metric else None,
        criterion=_criterion(criterion, accuracy.metric) if accuracy.metric else None,
        batches=None if accuracy.iteration == -1 else accuracy.iteration,
        keep_last=loader.last_batch == "rollover",
    )


def _dataset(section: DatasetSection) -> Dataset:
    chosen = section.chosen
    if isinstance(chosen, DatasetFile):
        return chosen
    return _class(str(chosen), section.args)


def _metric(section: MetricSection) -> Metric:
    chosen = section.chosen
    if isinstance(chosen, BuiltIn):
        return chosen
    return _class(str(chosen), section.args)


def _criterion(written: CriterionSection, metric: MetricSection) -> Criterion:
    higher = written.higher_is_better
    return Criterion(
        relative=RELATIVE
        if written.relative is None and written.absolute is None
        else written.relative,
        absolute=written.absolute,
        higher_is_better=metric.higher_is_better if higher is None else higher,
    )


def _notices(document: Document) -> Iterator[str]:
    if not document.mixed_precision.precisions:
        yield "mixed_precision.precisions is not written: bf16"
    if document.model.framework == "onnx" and document.model.runtime is None:
        yield "model.runtime is not written: openvino"
    if document.model.trust:
        yield "model.trust: code in the model's file runs when the script opens it"
    for steps, path in _paths(document):
        if path and absolute(path):
            yield (
                f"{dotted(steps)} is absolute: "
                "the script will only run on machines with this path"
            )
    for steps, dtypes in _demands(document):
        lows = document.mixed_precision.lows
        if set(lows) <= set(dtypes):
            yield f"{dotted(steps)} allows {' and '.join(lows)}: it pins nothing"
    accuracy = document.evaluation.accuracy
    if accuracy is None or accuracy.metric is None:
        criterion = document.tuning.accuracy_criterion
        if criterion != CriterionSection():
            yield "tuning.accuracy_criterion is not checked: there is no evaluation"


def _paths(document: Document) -> Iterator[tuple[Steps, str | None]]:
    """Every file that the document names, and its path."""
    yield ("model", "path"), document.model.path
    yield ("model", "weights"), document.model.weights
    if accuracy := document.evaluation.accuracy:
        dataset = accuracy.dataloader.dataset
        if isinstance(dataset.chosen, DatasetFile):
            yield (*DATA, "dataset", dataset.key, "path"), dataset.chosen.path
