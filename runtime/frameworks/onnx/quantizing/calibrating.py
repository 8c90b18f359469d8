"""From a traced fp32 model to one with scales, and ops that ran in int8."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from ....common.errors import RequirementError
from ...protocol import Array, Inputs
from ...quantizing.kernels import first, recorded
from ...quantizing.quantization import Quantization, Scales
from ...quantizing.scaling import raised_to_bf16, scale_of, unsigned
from ..ir.naming import Names
from ..ir.quantized.forms import Forms
from ..running.given import arrays
from ..running.low import Singles
from ..running.session import Executor
from ..writing.int8.opset import NARROW, can_be_raised
from ..writing.int8.quantized import Quantized
from .candidates import Candidates, candidates
from .probing import probed
from .ranges import ranges


@dataclass(frozen=True)
class Calibrator:
    """One model that is to be quantized.

    Attributes:
        model: The prepared one.
        places: Where its inputs are in a batch as it comes.
    """

    model: ir.Model
    names: Names
    places: Sequence[int]
    singles: Singles
    executor: Executor

    def calibrated(self, batches: Iterable[Inputs], how: Quantization) -> Quantized:
        """Scales from ranges over batches, and what ran with them.

        Raises:
            RequirementError: The runtime has no int8 that narrowcast knows.
            DataError: There is no batch, or one that the model does not take.
        """
        found = self._candidates(how)
        tensors = found.tensors
        wanted = {name: each.algorithm or "minmax" for name, each in tensors.items()}
        given = ranges(self.model, self._taken(batches, how.samples), wanted)
        scales = {name: scale_of(*given[name], each) for name, each in tensors.items()}
        if not self._forms.signed:
            scales = {name: unsigned(each) for name, each in scales.items()}
        return self._probed(found, scales)

    def with_scales(self, scales: Scales, how: Quantization) -> Quantized:
        """What runs with these scales.

        Raises:
            RequirementError: The runtime has no int8 that narrowcast knows.
            PlanError: A tensor has none that an op would take as integers.
        """
        found = self._candidates(how)
        if not _hold(scales, found):  # a plan of when kernels left fp32 alone
            found = self._candidates(how, narrow=False)
        return self._probed(found, recorded(scales, found.tensors))

    @property
    def _forms(self) -> Forms:
        forms = self.executor.int8_forms
        if forms is None:
            raise RequirementError(
                f"narrowcast does not quantize models for {self.executor.title}",
                "Write `model.runtime: openvino` or `onnxruntime`, or leave out int8.",
            )
        return forms

    def _candidates(self, how: Quantization, narrow: bool = True) -> Candidates:
        forms = self._forms
        if forms.narrow and not (narrow and self._can_be_narrow()):
            forms = replace(forms, narrow={})
        return candidates(self.names, self.singles.graph, forms, how)

    def _can_be_narrow(self) -> bool:
        """Whether the model has a like in the opset that this needs."""
        return can_be_raised(self.model, NARROW)

    def _taken(
        self, batches: Iterable[Inputs], samples: int
    ) -> Iterator[Sequence[Array]]:
        """Batches in the order of the model's inputs, until there are enough samples."""
        for batch in first(batches, samples):
            yield arrays(self.model, batch, self.places)

    def _probed(self, found: Candidates, scales: Scales) -> Quantized:
        int8 = Quantized(found.ops, scales, refusals=found.refusals)
        return probed(self.singles, self.executor, self._forms, int8)


def _hold(scales: Scales, found: Candidates) -> bool:
    """Whether bf16 holds all scales that it must."""
    return all(
        float(raised_to_bf16(np.array(scales[name].scale, np.float32)))
        == scales[name].scale
        for name, wanted in found.tensors.items()
        if wanted.bf16 and name in scales
    )
