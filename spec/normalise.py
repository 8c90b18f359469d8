"""Document → Spec: defaults filled in, aliases resolved, one form for each meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .performance import Performance
from .quantization import quantization_of
from .reading.diagnostics import Steps, dotted
from .reading.source import Data
from .sections.document import Document
from .sections.evaluation import AccuracySection, DataloaderSection
from .sections.frameworks.tensorflow import is_saved_model
from .sections.inputs import LOWS, InputSection
from .sections.metrics.measure import Measure
from .sections.metrics.poststeps import PostStep
from .sections.mixed_precision import INTEGERS
from .sections.model import slug
from .sections.tuning import OBJECTIVES
from .spec import (
    Budget,
    Calibration,
    Criterion,
    Dataset,
    Evaluation,
    Input,
    Metric,
    Model,
    MultiMetrics,
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
    tuning = document.tuning
    return Spec(
        model=_model(document),
        device="cpu" if document.on_cpu else DEVICES[document.device],
        precisions=document.mixed_precision.lows,
        pins=_pins(document),
        evaluation=_evaluation(document),
        objective=OBJECTIVES[document.objective],
        execution=tuning.execution,
        budget=Budget(
            tuning.exit_policy.max_trials,
            tuning.exit_policy.timeout or None,
            tuning.error_rate,
        ),
        batch_size=_batch_size(document),
        seed=tuning.random_seed,
        costs=document.costs,
        performance=_performance(document),
        quantization=quantization_of(document),
        calibration=_calibration(document),
        stated_size=_stated_size(document),
    )


def _performance(document: Document) -> Performance | None:
    asked = document.evaluation.performance
    if asked is None or not document.executed:
        return None
    configs = asked.configs
    return Performance(
        warmup=asked.warmup,
        iterations=None if asked.iteration == -1 else asked.iteration,
        batch_size=asked.dataloader.batch_size,
        instances=configs.num_of_instance,
        cores=configs.cores_per_instance,
        intra_threads=configs.intra_num_of_threads,
        inter_threads=configs.inter_num_of_threads,
    )


def _batch_size(document: Document) -> int:
    """The dataloader's; without data, what the first input is fixed to."""
    if accuracy := document.evaluation.accuracy:
        return accuracy.dataloader.batch_size
    return _fixed_size(document) or BATCH_SIZE


def _stated_size(document: Document) -> int | None:
    """The same where it is written, and nothing but what is supplied goes by it."""
    accuracy = document.evaluation.accuracy
    if accuracy is None:
        return _fixed_size(document)
    loader = accuracy.dataloader
    if loader.is_named or "batch_size" not in loader.model_fields_set:
        return None
    return loader.batch_size


def _fixed_size(document: Document) -> int | None:
    inputs = document.model.inputs
    shape = inputs[0].shape if inputs else None
    return shape[0] if shape and isinstance(shape[0], int) else None


def _model(document: Document) -> Model:
    model, framework = document.model, document.framework
    signature, factory = None, model.factory
    supplied = model.path is None and model.factory is None
    if framework == "tensorflow" and (supplied or is_saved_model(model.path)):
        signature = model.signature or SIGNATURE
    return Model(
        name=model.name,
        slug=slug(model.name),
        framework=framework,
        runtime=document.runtime,
        path=model.path,
        signature=signature,
        factory=_object(factory.python) if factory else None,
        weights=model.weights,
        trust=model.trust,
        inputs=tuple(map(_input, model.inputs)),
        outputs=model.output_names,
        arguments=dict(sorted(factory.args.items())) if factory else {},
        strip_prefix=model.strip_prefix or "",
        freed_outputs=tuple(each.name for each in model.outputs if each.dtype in LOWS),
    )


def _input(section: InputSection) -> Input:
    return Input(
        section.name,
        section.shape,
        "float32" if section.is_freed else section.dtype,
        section.largest,
        section.range or (),
        section.values,
        (section.value,) if section.is_fixed else (),
        section.is_freed,
    )


def _object(name: str) -> PythonObject:
    module, _, attribute = name.partition(":")
    return PythonObject(module, attribute)


def _class(name: str, args: Mapping[str, Data]) -> PythonClass:
    return PythonClass(_object(name), dict(sorted(args.items())))


def _pins(document: Document) -> Pins:
    """The pins, and what a narrower demand frees from a wider one."""
    lows, integers = set(document.mixed_precision.lows), set(INTEGERS)
    demands = [(steps, set(dtypes)) for steps, dtypes in document.demands]
    pins = _held((steps, bool(lows <= of or integers & of)) for steps, of in demands)
    if not document.mixed_precision.int8:
        return pins
    lowered = ((steps, of) for steps, of in demands if lows <= of or integers & of)
    return replace(
        pins, int8=_held((steps, bool(integers & of)) for steps, of in lowered)
    )


def _held(demands: Iterable[tuple[Steps, bool]]) -> Pins:
    """What is forbidden something.

    Args:
        demands: Paths, and whether what they demand allows it.
    """
    found: dict[str, dict[str, Pin]] = {"optype_wise": {}, "op_wise": {}}
    freed: dict[str, set[str]] = {"optype_wise": set(), "op_wise": set()}
    everything = ""
    for steps, allowed in demands:
        kind, pattern = str(steps[1]), str(steps[-1])
        if kind == "model_wise":
            everything = "" if allowed else dotted(steps)
        elif allowed:
            freed[kind].add(pattern)
        else:
            found[kind].setdefault(pattern, Pin(pattern, dotted(steps)))
    types, names = (
        tuple(pin for _, pin in sorted(pins.items())) for pins in found.values()
    )
    return Pins(
        types,
        names,
        everything,
        tuple(sorted(freed["optype_wise"])) if everything else (),
        tuple(sorted(freed["op_wise"])) if everything or types else (),
    )


def _evaluation(document: Document) -> Evaluation:
    """What judges; without a section for it, everything is supplied."""
    accuracy = document.evaluation.accuracy or AccuracySection.model_construct()
    loader = accuracy.dataloader
    read = loader.is_named
    judged, balance = document.judged, loader.filter.LabelBalance
    return Evaluation(
        dataset=_dataset(loader) if read else None,
        transforms=loader.transform.steps if read else (),
        metric=_metric(accuracy) if judged else None,
        criterion=_criterion(document) if judged else None,
        batches=None if accuracy.iteration == -1 else accuracy.iteration,
        keep_last=loader.last_batch == "rollover",
        eval_func=_object(accuracy.python) if accuracy.python and judged else None,
        drift=document.tuning.accuracy_criterion.drift if judged else None,
        shuffle=read and loader.shuffle,
        postprocess=_postprocess(accuracy) if judged else (),
        objects=balance.size if read and balance else None,
    )


def _calibration(document: Document) -> Calibration | None:
    """What int8's ranges are taken from, where that is data of its own."""
    loader = document.calibrated_by
    dataset = None if loader is None else _dataset(loader)
    if loader is None or dataset is None:
        return None
    balance = loader.filter.LabelBalance
    data = Evaluation(
        dataset,
        loader.transform.steps,
        metric=None,
        criterion=None,
        batches=None,
        keep_last=loader.last_batch == "rollover",
        shuffle=loader.shuffle,
        objects=balance.size if balance else None,
    )
    return Calibration(data, loader.batch_size)


def _dataset(loader: DataloaderSection) -> Dataset | None:
    """What is read; records that a transform decodes are a dataset by themselves."""
    section = loader.dataset
    if section is None:
        return None
    return loader.data or _class(str(section.chosen), section.args)


def _metric(accuracy: AccuracySection) -> Metric | None:
    """One or several; None where it is supplied."""
    if several := accuracy.multi_metrics:
        return MultiMetrics(several.measures, several.weight or ())
    section = accuracy.metric
    if section is None:
        return None
    chosen = section.chosen
    if isinstance(chosen, Measure):
        return chosen
    return _class(str(chosen), section.args)


def _postprocess(accuracy: AccuracySection) -> tuple[PostStep, ...]:
    """The steps; what is about labels is left out where none are read."""
    metric = accuracy.multi_metrics or accuracy.metric
    if metric is None:
        return ()
    steps = accuracy.postprocess.transform.steps
    return tuple(each for each in steps if metric.of_labels or not each.shifts_labels)


def _criterion(document: Document) -> Criterion:
    """What is written of it; a metric that the spec doesn't know is taken to rise."""
    written = document.tuning.accuracy_criterion
    accuracy = document.evaluation.accuracy
    metric = accuracy.metric if accuracy else None
    several = accuracy.multi_metrics if accuracy else None
    higher: bool | tuple[bool, ...] | None = written.higher_is_better
    if several is not None and several.weight is None:
        higher = tuple(each.higher_is_better for each in several.measures)
    elif several is not None and higher is None:
        higher = several.rising
    elif higher is None:
        higher = metric is None or metric.higher_is_better
    return Criterion(
        relative=RELATIVE
        if written.relative is None and written.absolute is None
        else written.relative,
        absolute=written.absolute,
        higher_is_better=higher,
    )
