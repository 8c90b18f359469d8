"""What the writer of a valid spec should hear, each at its key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from .reading.diagnostics import Steps
from .sections.dataset import DatasetFile
from .sections.document import DATA, Document
from .sections.fields import absolute
from .sections.section import Note, Unsound
from .sections.tuning import CriterionSection

PRECISIONS = ("mixed_precision", "precisions")
RUNTIME = ("model", "runtime")


def notes(document: Document) -> Iterator[Note]:
    """The notes, in no order; of what is sound, if not all of the document is."""
    for kind in (_model_notes, _precision_notes, _path_notes, _device_notes):
        with suppress(Unsound):
            yield from kind(document)


def _device_notes(document: Document) -> Iterator[Note]:
    if document.device != "cpu" and document.on_cpu:
        text = f"is {document.device}: {document.framework} models are converted on the CPU"
        yield Note(("device",), text)
    demanded = document.tuning.accuracy_criterion != CriterionSection()
    if demanded and not document.executed:
        text = "is not checked: nothing is executed here"
        yield Note(("tuning", "accuracy_criterion"), text)


def _model_notes(document: Document) -> Iterator[Note]:
    model = document.model
    if document.framework == "onnx" and model.runtime is None:
        if model.framework == "onnx":
            yield Note(RUNTIME, "is not written: openvino")
        elif not document.mixed_precision.precisions:
            yield Note(
                RUNTIME,
                f"is not written: openvino, since ONNX Runtime ({model.framework}) has "
                "no bf16 on CPUs; with precisions: fp16 it is onnxruntime",
            )
    if model.trust:
        text = "lets code in the model's file run when the script opens it"
        yield Note(("model", "trust"), text)


def _precision_notes(document: Document) -> Iterator[Note]:
    lows = document.mixed_precision.lows
    if not document.mixed_precision.precisions:
        yield Note(PRECISIONS, "is not written: bf16")
    for steps, dtypes in document.demands:
        if set(lows) <= set(dtypes):
            yield Note(steps, f"allows {' and '.join(lows)}: it pins nothing")


def _path_notes(document: Document) -> Iterator[Note]:
    for steps, path in _paths(document):
        if path and absolute(path):
            text = "is absolute: the script will only run on machines with this path"
            yield Note(steps, text)


def _paths(document: Document) -> Iterator[tuple[Steps, str | None]]:
    """Every file that the document names, and its path."""
    yield ("model", "path"), document.model.path
    yield ("model", "weights"), document.model.weights
    accuracy = document.evaluation.accuracy
    dataset = accuracy.dataloader.dataset if accuracy else None
    if dataset and isinstance(dataset.chosen, DatasetFile):
        yield (*DATA, "dataset", dataset.key, "path"), dataset.chosen.path
