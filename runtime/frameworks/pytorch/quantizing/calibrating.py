"""From a prepared fp32 graph to scales, and ops that ran in int8."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ....graph.graph import Graph
from ...protocol import Inputs
from ...quantizing.kernels import first, recorded
from ...quantizing.quantization import Quantization, Scales
from ...quantizing.scaling import scale_of, unsigned
from ..ir.prepared import Prepared
from ..writing.int8.quantized import Quantized
from .candidates import Candidates, candidates
from .probing import probed
from .ranges import ranges


@dataclass(frozen=True)
class Calibrator:
    """One model that is to be quantized.

    Attributes:
        batch: That it was traced on.
        dtype: What int8 kernels leave their floats in.
    """

    graph: Graph
    prepared: Prepared
    batch: Inputs
    dtype: torch.dtype

    def calibrated(self, batches: Iterable[Inputs], how: Quantization) -> Quantized:
        """Scales from ranges over batches, and what ran with them.

        Raises:
            DataError: There is no batch.
            MissingPackageError: torchao is not installed.
        """
        found = self._candidates(how)
        if how.dynamic:
            return self._probed(found, {}, how)
        taken = found.tensors
        wanted = {node: each.algorithm for node, each in taken.values()}
        given = ranges(self.prepared.module, first(batches, how.samples), wanted)
        scales = {
            name: unsigned(scale_of(*given[node], each))
            for name, (node, each) in taken.items()
        }
        return self._probed(found, scales, how)

    def with_scales(self, scales: Scales, how: Quantization) -> Quantized:
        """What runs with these scales.

        Raises:
            PlanError: A tensor has none that an op would take as integers.
        """
        found = self._candidates(how)
        known = {} if how.dynamic else recorded(scales, found.tensors)
        return self._probed(found, known, how)

    def _candidates(self, how: Quantization) -> Candidates:
        return candidates(self.graph, self.prepared.module, how)

    def _probed(
        self, found: Candidates, scales: Scales, how: Quantization
    ) -> Quantized:
        int8 = Quantized(found.ops, scales, how.dynamic, refusals=found.refusals)
        return probed(self.prepared.module, self.batch, int8, self.dtype)
