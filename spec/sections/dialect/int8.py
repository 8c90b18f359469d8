"""What the writer of a spec that asks for int8 should hear of how it is made."""

from collections.abc import Iterator

from ..document import CALIBRATION as LOADER
from ..document import Document
from ..marks import LEAVE, is_said
from ..section import Note

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
    calibration = document.quantization.calibration
    at, loader = LOADER, calibration.dataloader
    if not is_said(calibration, "dataloader"):
        return
    if document.quantization.is_dynamic:
        yield Note(at, "is not read: scales are computed as the model runs", LEAVE)
    elif not loader.is_named:
        data = "that is given" if loader.says("dataset") else "of evaluation.accuracy"
        yield Note(at, f"names no dataset: ranges are taken from data {data}", LEAVE)


def _dynamic_notes(document: Document) -> Iterator[Note]:
    if document.quantization.is_dynamic and document.runtime == "openvino":
        text = "is for ONNX Runtime: OpenVINO runs what is quantized so in fp32"
        hint = "runtime: onnxruntime, with precisions: [int8, fp16]"
        yield Note(("quantization", "approach"), text, hint)
