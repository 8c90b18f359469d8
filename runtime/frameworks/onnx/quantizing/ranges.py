"""Ranges of activations over batches, from ONNX Runtime's own calibrators.

Each batch is given in a call of its own. That is part of what a histogram's range is
(later batches add bins to those of the first), so it stays as it is.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from ....common.errors import DataError
from ...protocol import Array
from ..ir.serialization import LARGE, to_bytes, weight_bytes, write_apart
from ..ir.weights import register
from ..running.given import own_inputs
from ..running.imitation.stand_ins import standing_in
from ..running.ort_session import readable
from ..writing.int8.opset import raised
from .calibrators import calibrators

OPTIONS: Mapping[str, Mapping[str, int]] = {
    "minmax": {},
    # As many bins as steps, its default, leave it nothing to choose from.
    "kl": {"num_bins": 512, "num_quantized_bins": 128},
}
"""Algorithm → options of what finds the ranges."""

MARK = "narrowcast.range"
"""How the names of what is looked at begin."""

Range = tuple[float, float]


def ranges(
    model: ir.Model, batches: Iterable[Sequence[Array]], tensors: Mapping[str, str]
) -> dict[str, Range]:
    """The least and the largest value of each tensor; what isn't finite counts as 0.

    Args:
        model: fp32.
        batches: Each in the order of the model's inputs.
        tensors: Name of a value of the main graph → "minmax" or "kl".

    Raises:
        DataError: There is no batch.
    """
    if not tensors:
        return {}
    inputs = [str(value.name) for value in own_inputs(model)]
    with tempfile.TemporaryDirectory(prefix="narrowcast-") as folder:
        calibrations = [
            _calibration(model, wanted, algorithm, Path(folder) / algorithm)
            for algorithm in OPTIONS
            if (wanted := [n for n, own in tensors.items() if own == algorithm])
        ]
        seen = False
        for batch in batches:
            seen = True
            feeds = dict(zip(inputs, batch, strict=True))
            for each in calibrations:
                each.collect(feeds)
        if not seen:
            raise DataError(
                "there is no batch to take ranges from",
                "Give data in quantization.calibration.dataloader.",
            )
        return {n: r for each in calibrations for n, r in each.ranges().items()}


@dataclass
class _Once:
    """One batch, as calibrators read them."""

    feeds: Mapping[str, Array] | None

    def get_next(self) -> Mapping[str, Array] | None:
        given, self.feeds = self.feeds, None
        return given


@dataclass(frozen=True)
class _Calibration:
    """One calibrator, and the tensors that it looks at.

    Attributes:
        marks: Name of what is looked at → the tensor's.
    """

    calibrator: Any
    marks: Mapping[str, str]

    def collect(self, feeds: Mapping[str, Array]) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.calibrator.collect_data(_Once(feeds))

    def ranges(self) -> dict[str, Range]:
        with contextlib.redirect_stdout(io.StringIO()):
            found = self.calibrator.compute_data().data
        ends = {mark: found[mark].range_value for mark in self.marks}
        return {
            self.marks[mark]: (float(np.min(low)), float(np.max(high)))
            for mark, (low, high) in ends.items()
        }


def _calibration(
    model: ir.Model, tensors: Sequence[str], algorithm: str, folder: Path
) -> _Calibration:
    folder.mkdir()
    copy = standing_in(model).clone()
    raised(copy)
    marks = dict(_marked(copy, tensors))
    copy = readable(copy)
    path, apart = folder / "model.onnx", weight_bytes(copy) >= LARGE
    if apart:
        write_apart(copy, path, path.with_name("model.onnx.data"))
    else:
        path.write_bytes(to_bytes(copy))
    kind, options = calibrators()[algorithm], OPTIONS[algorithm]
    looked_at = str(folder / "augmented.onnx")
    calibrator = kind(
        path,
        augmented_model_path=looked_at,
        use_external_data_format=apart,
        **options,
    )
    select = calibrator.select_tensors_to_calibrate
    # It chooses by operators; of most ops only some tensors are quantized.
    calibrator.select_tensors_to_calibrate = lambda proto: (
        list(marks),
        select(proto)[1],
    )
    calibrator.augment_graph()
    calibrator.create_inference_session()
    return _Calibration(calibrator, marks)


def _marked(model: ir.Model, tensors: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name of a copy of each tensor, without what isn't finite → the tensor's."""
    graph = model.graph
    values = {value.name: value for value in graph.inputs}
    values |= {value.name: value for node in graph for value in node.outputs}
    ends = (("zero", 0.0), ("infinity", np.inf))
    zero, infinity = (
        register(graph, ir.Tensor(np.array(end, np.float32), name=f"{MARK}.{name}"))
        for name, end in ends
    )
    for k, name in enumerate(tensors):
        size = ir.node("Abs", [values[name]])
        finite = ir.node("Less", [size.outputs[0], infinity])
        kept = ir.node("Where", [finite.outputs[0], values[name], zero])
        for part, node in enumerate((size, finite, kept)):
            node.outputs[0].name = f"{MARK}{k}.{part}"
            graph.append(node)
        mark = kept.outputs[0]
        mark.type = ir.TensorType(ir.DataType.FLOAT)
        yield str(mark.name), name
