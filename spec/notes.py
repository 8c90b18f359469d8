"""What the writer of a valid spec should hear, each at its key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from .reading.codes import Code
from .reading.diagnostics import Steps
from .sections.datasets.dataset import BuiltInDataset
from .sections.datasets.section import DatasetSection
from .sections.dialect.int8 import int8_notes
from .sections.dialect.written import effects, is_theirs
from .sections.document import CALIBRATION, DATA, Document
from .sections.fields import absolute
from .sections.marks import LEAVE
from .sections.metrics.measure import Measure
from .sections.metrics.postprocess import PostTransformSection
from .sections.metrics.poststeps import PostStep
from .sections.section import Note, Unsound
from .sections.tuning import CriterionSection

ACCURACY = ("evaluation", "accuracy")
OUTPUTS = (*ACCURACY, "postprocess", "transform")
PRECISIONS = ("mixed_precision", "precisions")
RUNTIME = ("model", "runtime")
OBJECTIVE = ("tuning", "objective")
CRITERION = ("tuning", "accuracy_criterion")


def notes(document: Document) -> Iterator[Note]:
    """The notes, in no order; of what is sound, if not all of the document is."""
    kinds = (
        effects,
        int8_notes,
        _runtime_notes,
        _trust_notes,
        _device_notes,
        _precision_notes,
        _pin_notes,
        _file_notes,
        _data_notes,
        _metric_notes,
        _performance_notes,
        _accuracy_objective_notes,
        _objective_notes,
        _any_accuracy_notes,
        _trials_notes,
        _criterion_notes,
        _several_metrics_notes,
        _transform_notes,
        _postprocess_notes,
        _unasked_notes,
    )
    for kind in kinds:
        with suppress(Unsound):
            yield from kind(document)


def _runtime_notes(document: Document) -> Iterator[Note]:
    model = document.model
    if document.framework == "onnx" and model.runtime is None:
        if model.framework == "onnx":
            runtime = document.runtime
            yield Note(
                RUNTIME,
                f"is not written: {runtime}",
                f"runtime: {runtime}",
                code=Code.CHOSEN,
            )
        elif not document.mixed_precision.precisions:
            yield Note(
                RUNTIME,
                f"is not written: openvino, since ONNX Runtime ({model.framework}) has "
                "no bf16 on CPUs; with precisions: fp16 it is onnxruntime",
                "runtime: openvino",
                code=Code.CHOSEN,
            )


def _trust_notes(document: Document) -> Iterator[Note]:
    if document.model.trust:
        text = "lets code in the model's file run when the script opens it"
        yield Note(("model", "trust"), text, code=Code.MEANING)


def _device_notes(document: Document) -> Iterator[Note]:
    if document.device != "cpu" and document.on_cpu:
        where = f"{document.framework} models are converted on the CPU"
        yield Note(("device",), f"is {document.device}: {where}", "device: cpu")


def _precision_notes(document: Document) -> Iterator[Note]:
    if not document.mixed_precision.precisions:
        inner = "mixed_precision" in document.model_fields_set
        hint = "precisions: bf16" if inner else "mixed_precision: {precisions: bf16}"
        yield Note(PRECISIONS, "is not written: bf16", hint, code=Code.CHOSEN)


def _pin_notes(document: Document) -> Iterator[Note]:
    lows = document.mixed_precision.lows
    if document.mixed_precision.int8:  # which a list of 16 bits forbids
        return
    wider = not _are_wide_pins_sound(document)
    for steps, dtypes in document.demands:
        if not set(lows) <= set(dtypes):
            wider = wider or steps[1] != "op_wise"
        elif not wider:
            yield Note(steps, f"allows {' and '.join(lows)}: it pins nothing", LEAVE)


def _are_wide_pins_sound(document: Document) -> bool:
    """Whether all is known that pins more than a name."""
    with suppress(Unsound):
        tables = (document.mixed_precision, document.quantization)
        return all(each.optype_wise is not None for each in tables) and (
            document.quantization.model_wise is not None
        )
    return False


def _file_notes(document: Document) -> Iterator[Note]:
    for key in ("path", "weights"):
        with suppress(Unsound):
            yield from _path_notes(("model", key), getattr(document.model, key))


def _data_notes(document: Document) -> Iterator[Note]:
    if loader := document.calibrated_by:
        yield from _dataset_notes(CALIBRATION, loader.dataset)
    if accuracy := document.evaluation.accuracy:
        yield from _dataset_notes(DATA, accuracy.dataloader.dataset)


def _dataset_notes(at: Steps, dataset: DatasetSection | None) -> Iterator[Note]:
    if dataset and isinstance(dataset.chosen, BuiltInDataset):
        at = (*at, "dataset", dataset.key)
        yield from _files_of(at, dataset.chosen)
        for note in dataset.chosen.notes():
            yield replace(note, at=(*at, *note.at))


def _metric_notes(document: Document) -> Iterator[Note]:
    accuracy = document.evaluation.accuracy
    metric = accuracy.metric if accuracy else None
    if metric and isinstance(metric.chosen, Measure):
        yield from _files_of((*ACCURACY, "metric", metric.key), metric.chosen)
    if accuracy:
        steps = accuracy.postprocess.transform
        for key in steps.written:
            yield from _files_of((*OUTPUTS, key), getattr(steps, key))


def _files_of(
    at: Steps, section: BuiltInDataset | Measure | PostStep
) -> Iterator[Note]:
    paths = section.files.values()
    for key in section.written:
        value = getattr(section, key)
        if value in paths:
            yield from _path_notes((*at, key), value)


def _path_notes(steps: Steps, path: str | None) -> Iterator[Note]:
    if path and absolute(path):
        text = "is absolute: the script will only run on machines with this path"
        yield Note(
            steps, text, "write a path relative to the spec", code=Code.ELSEWHERE
        )


def _performance_notes(document: Document) -> Iterator[Note]:
    at = ("evaluation", "performance")
    if document.evaluation.performance is None:
        return
    if not document.executed:
        yield Note(at, "is not measured: nothing is executed here", LEAVE)
    elif "objective" not in document.tuning.model_fields_set:
        text = (
            "makes latency the objective: write tuning: {objective: low_compute} "
            "for as much in 16 bits as the criterion allows"
        )
        yield Note(
            at, text, "write tuning: {objective: latency} beside it", code=Code.MEANING
        )


def _accuracy_objective_notes(document: Document) -> Iterator[Note]:
    if document.tuning.objective == "accuracy":
        text = "is accuracy, which is the criterion: what is sought is low_compute"
        yield Note(OBJECTIVE, text, "objective: low_compute", code=Code.MEANING)


def _objective_notes(document: Document) -> Iterator[Note]:
    unsaid = "objective" not in document.tuning.model_fields_set
    if document.evaluation.performance is None and unsaid and is_theirs(document):
        text = "is not written: low_compute; in Neural Compressor it is performance"
        yield Note(
            OBJECTIVE, text, "tuning: {objective: low_compute}", code=Code.CHOSEN
        )


def _any_accuracy_notes(document: Document) -> Iterator[Note]:
    if document.tuning.exit_policy.performance_only:
        text = "accepts any accuracy: nothing is judged, ops go by the static rules"
        yield Note(
            ("tuning", "exit_policy", "performance_only"), text, code=Code.MEANING
        )


def _trials_notes(document: Document) -> Iterator[Note]:
    unsaid = "max_trials" not in document.tuning.exit_policy.model_fields_set
    if unsaid and document.judged and is_theirs(document):
        text = "is not written: 20; in Neural Compressor it is 100"
        at = ("tuning", "exit_policy", "max_trials")
        yield Note(
            at, text, "tuning: {exit_policy: {max_trials: 20}}", code=Code.CHOSEN
        )


def _criterion_notes(document: Document) -> Iterator[Note]:
    written = document.tuning.accuracy_criterion != CriterionSection.model_construct()
    if written and not document.executed:
        yield Note(CRITERION, "is not checked: nothing is executed here", LEAVE)


def _several_metrics_notes(document: Document) -> Iterator[Note]:
    """What is written of several metrics and means little."""
    accuracy = document.evaluation.accuracy
    several = accuracy.multi_metrics if accuracy else None
    if several is None:
        return
    at = (*ACCURACY, "multi_metrics")
    if several.weight is None:
        if document.tuning.accuracy_criterion.higher_is_better is not None:
            text = "has no effect here: each of multi_metrics has its own direction"
            yield Note((*CRITERION, "higher_is_better"), text, LEAVE)
        return
    if several.higher_is_better is not None:
        text = "has no effect beside weight: the criterion has the mean's direction"
        yield Note((*at, "higher_is_better"), text, LEAVE)
    if several.mixed:
        text = (
            "makes one mean of metrics that rise and metrics that fall where a model is "
            "better: what it loses by one it may win by another"
        )
        yield Note(
            (*at, "weight"),
            text,
            "leave it out: then each must hold",
            code=Code.MEANING,
        )


def _transform_notes(document: Document) -> Iterator[Note]:
    accuracy = document.evaluation.accuracy
    loader = accuracy.dataloader if accuracy else None
    if loader and not loader.says("dataset") and loader.transform.written:
        text = "is for a dataset, and none is written: data that is given is as it is"
        yield Note((*DATA, "transform"), text, LEAVE)
    elif loader:
        before = None
        for at, step in loader.transform.placed:
            if other := step.other(document.framework, before):
                yield Note((*DATA, "transform", *at), *other, code=Code.MEANING)
            before = step


def _postprocess_notes(document: Document) -> Iterator[Note]:
    """Steps that have no effect."""
    accuracy = document.evaluation.accuracy
    if not accuracy or not accuracy.postprocess.transform.written:
        return
    if accuracy.says("python"):
        text = "has no effect here: accuracy.python scores the whole model"
        yield Note(OUTPUTS[:-1], text, LEAVE)
    elif accuracy.metric is None and not accuracy.multi_metrics:
        text = (
            "is for a metric, and none is written: one that is given sees outputs as "
        )
        text += "they are"
        yield Note(OUTPUTS[:-1], text, LEAVE)
    elif accuracy.metric and not accuracy.metric.of_labels:
        yield from _shift_notes(accuracy.postprocess.transform)


def _shift_notes(steps: PostTransformSection) -> Iterator[Note]:
    if steps.says("LabelShift"):
        text = "is about labels, and the metric reads none"
        yield Note((*OUTPUTS, "LabelShift"), text, LEAVE)


def _unasked_notes(document: Document) -> Iterator[Note]:
    """What would judge where nothing does."""
    accuracy = document.evaluation.accuracy
    for key in ("metric", "python"):
        if accuracy and accuracy.says(key) and not document.judged:
            yield Note((*ACCURACY, key), "is not asked: any accuracy will do", LEAVE)
