"""Output error of converted models beside model.bfloat16(), both against fp64.

    python benchmarks/pytorch/error.py [MODEL ...]

Each model is converted under `objective: low_compute`, saved and loaded again. An error
is the RMS of the difference over the RMS of what fp64 computes, over all batches; of
several outputs the largest counts.
"""

from __future__ import annotations

import copy
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from models import MODELS, Batch, declared, in_dtype, made
from torch import nn

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.graph.graph import Kind, casts
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
BATCHES = 4


def outputs(model: Any, batch: Batch) -> list[torch.Tensor]:
    """All floats that the model returns, in fp64."""
    with torch.no_grad():
        leaves = torch.utils._pytree.tree_leaves(model(*batch))
    return [x.double() for x in leaves if x.is_floating_point()]


class Error:
    """Squares of differences and of references, summed over batches by output."""

    def __init__(self) -> None:
        self.sums: dict[int, tuple[float, float]] = {}

    def add(self, expected: list[torch.Tensor], found: list[torch.Tensor]) -> None:
        for k, (a, b) in enumerate(zip(expected, found, strict=True)):
            error, scale = self.sums.get(k, (0.0, 0.0))
            squares = float((b - a).square().sum()), float(a.square().sum())
            self.sums[k] = error + squares[0], scale + squares[1]

    @property
    def value(self) -> float:
        return max(math.sqrt(error / scale) for error, scale in self.sums.values())


def converted(model: nn.Module, batch: Batch, folder: Path) -> tuple[Any, list[str]]:
    """The saved and reloaded model; its casts, ops in fp32, and the file's size."""
    traced = pytorch.trace(model, batch, low=LOW, inputs=declared(batch))
    (plan,) = everything_low(traced, low=LOW, objective=low_compute, pins=Pins())
    path = traced.save(traced.apply(plan.placement), folder / "model.pt2")
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    kept = [
        op.id
        for op in traced.graph.ops
        if op.kind is not Kind.FIXED and plan.placement[op.id] != LOW
    ]
    known = [
        str(len(casts(traced.graph, plan.placement))),
        str(len(kept)),
        f"{path.stat().st_size / weights:.4f}",
    ]
    return torch.export.load(path).module(), known


def compared(name: str) -> list[str]:
    """One row: our error, bfloat16()'s, their ratio, casts, fp32 ops, size."""
    model, first = made(name)
    with tempfile.TemporaryDirectory() as folder:
        ours, known = converted(model, first, Path(folder))
    wide, low = copy.deepcopy(model).double(), copy.deepcopy(model).bfloat16()
    errors = Error(), Error()
    for seed in range(BATCHES):
        torch.manual_seed(seed)
        _model, batch = MODELS[name]() if seed else (model, first)
        expected = outputs(wide, in_dtype(batch, torch.float64))
        errors[0].add(expected, outputs(ours, batch))
        errors[1].add(expected, outputs(low, in_dtype(batch, torch.bfloat16)))
    own, other = (error.value for error in errors)
    return [name, f"{own:.2e}", f"{other:.2e}", f"{own / other:.2f}", *known]


def main(names: list[str]) -> None:
    """Print one row a model."""
    print(
        "| model | narrowcast | bfloat16() | ratio | casts | ops in fp32 | file / fp32 weights |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in names or list(MODELS):
        print("|", " | ".join(compared(name)), "|", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
