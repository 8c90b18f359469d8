"""What the writer of a spec that asks for int8 should hear of how it is made."""

from collections.abc import Iterator

from ..document import Document
from ..evaluation import DataloaderSection
from ..marks import LEAVE, is_said
from ..section import Note
from .quantization import EVALUATED

CALIBRATION = ("quantization", "calibration")


def int8_notes(document: Document) -> Iterator[Note]:
    """The notes, in no order."""
    if document.mixed_precision.int8:
        yield from _size_notes(document)
        yield from _data_notes(document)
        yield from _dynamic_notes(document)


def _size_notes(document: Document) -> Iterator[Note]:
    first, *others = document.quantization.calibration.sizes
    if others:
        text = (
            f"takes the first, {first}: Neural Compressor tried the others where no "
            "choice of ops was good enough with it"
        )
        at = (*CALIBRATION, "sampling_size")
        yield Note(at, text, f"sampling_size: {first}")


def _data_notes(document: Document) -> Iterator[Note]:
    calibration, accuracy = (
        document.quantization.calibration,
        document.evaluation.accuracy,
    )
    evaluated = accuracy.dataloader if accuracy else None
    if not is_said(calibration, "dataloader"):
        return
    if evaluated is None or not _is_same(calibration.dataloader, evaluated):
        yield Note((*CALIBRATION, "dataloader"), EVALUATED, LEAVE)


def _is_same(one: DataloaderSection, other: DataloaderSection) -> bool:
    """Whether both read the same samples, in batches of whatever size."""
    parts = ("dataset", "transform", "filter")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def _dynamic_notes(document: Document) -> Iterator[Note]:
    if document.quantization.is_dynamic and document.runtime == "openvino":
        text = "is for ONNX Runtime: OpenVINO runs what is quantized so in fp32"
        hint = "runtime: onnxruntime, with precisions: [int8, fp16]"
        yield Note(("quantization", "approach"), text, hint)
