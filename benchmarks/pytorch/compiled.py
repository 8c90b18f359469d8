"""Speed of compiled packages beside what `torch.compile` makes of the same models.

    python benchmarks/pytorch/compiled.py CACHE build [MODEL ...]
    python benchmarks/pytorch/compiled.py CACHE [MODEL ...]

`build` compiles, which takes minutes a model, and keeps packages and inductor's caches in
the folder CACHE; without it all that is there is loaded and timed in turn: the package of
`execution: compile` (dynamic batch, all that can be in bf16, attention as products), and
torch.compile with frozen weights of the fp32 model, of the model under autocast(bf16), and
of that with outputs cast to fp32, as the package returns them. A second package, whose
outputs' dtype is freed, returns bf16, as autocast does. Ratios are of medians. The last
column is the package's share of the rate of a large bf16 product in the same run.
"""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from models import MODELS, Batch, declared, made
from speed import with_freed_outputs
from torch import nn

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import Latency, interleaved
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
SECONDS = 12.0
SIDES = (1024, 2048, 3072)
"""Of square products; the fastest gives the machine's rate."""

Call = Callable[[], object]


class Autocast(nn.Module):
    """The model under autocast, its outputs in fp32 if `wide`."""

    def __init__(self, model: nn.Module, wide: bool) -> None:
        super().__init__()
        self.model, self.wide = model, wide

    def forward(self, *batch: torch.Tensor) -> object:
        with torch.autocast("cpu", torch.bfloat16):
            outputs = self.model(*batch)
        leaves = torch.utils._pytree.tree_leaves(outputs)
        return [x.float() for x in leaves] if self.wide else leaves


def packaged(name: str, cache: Path) -> tuple[Path, Path, int]:
    """The compiled packages, and the model's FLOPs per batch; made where they are not.

    The first returns fp32, the second bf16.
    """
    stem = "".join(c if c.isalnum() else "_" for c in name)
    package, flops = cache / f"{stem}.compiled.pt2", cache / f"{stem}.flops"
    other = cache / f"{stem}.freed.compiled.pt2"
    if not (package.exists() and other.exists()):
        model, batch = made(name)
        plain = pytorch.trace(model, batch, low=LOW, inputs=declared(batch))
        traced = pytorch.under_inductor(plain)
        traced = replace(traced, formed=traced._sites)
        open_ended = traced.freed(with_freed_outputs(traced.graph))
        for each, path in ((traced, package), (open_ended, other)):
            (plan,) = everything_low(each, low=LOW, objective=low_compute, pins=Pins())
            saved = each.save(each.apply(plan.placement), cache / f"{stem}.pt2")
            pytorch.compile_saved(saved, path)
        flops.write_text(str(traced.graph.flops))
    return package, other, int(flops.read_text())


def alternatives(model: nn.Module, batch: Batch) -> dict[str, Call]:
    """What torch.compile makes, compiled by a first call."""
    models = {
        "fp32": model,
        "autocast": Autocast(copy.deepcopy(model), wide=False),
        "autocast, fp32 out": Autocast(copy.deepcopy(model), wide=True),
    }
    calls: dict[str, Call] = {}
    with torch.no_grad():
        for name, each in models.items():
            compiled = torch.compile(each)
            compiled(*batch)
            calls[name] = lambda compiled=compiled: compiled(*batch)  # type: ignore[misc]
    return calls


def products() -> dict[str, Call]:
    """Square bf16 products with packed weights, as packages have them."""
    calls: dict[str, Call] = {}
    for side in SIDES:
        rows, weight = (torch.randn(side, side).bfloat16() for _ in range(2))
        packed = torch.ops.mkldnn._reorder_linear_weight(weight, side)
        calls[f"product {side}"] = partial(
            torch.ops.mkldnn._linear_pointwise, rows, packed, None, "none", [], ""
        )
    return calls


def timed(name: str, cache: Path) -> tuple[dict[str, Latency], int]:
    """Latency by alternative, and the model's FLOPs."""
    model, batch = made(name)
    package, other, flops = packaged(name, cache)
    predict, freed = map(pytorch.load_compiled, (package, other))
    ours: dict[str, Call] = {
        "narrowcast": lambda: predict(batch),
        "freed": lambda: freed(batch),
    }
    calls = alternatives(model, batch) | products() | ours
    with torch.no_grad():
        return interleaved(calls, time.perf_counter, SECONDS), flops


def row(name: str, cache: Path) -> str:
    """Milliseconds, ratios and the share of the machine's rate, as a table's row."""
    found, flops = timed(name, cache)
    seconds = {each: latency.median for each, latency in found.items()}
    rate = max(2 * side**3 / seconds[f"product {side}"] for side in SIDES)
    ours = seconds["narrowcast"]
    others = ("fp32", "autocast", "autocast, fp32 out")
    cells = [f"{seconds[each] * 1e3:.1f}" for each in (*others, "narrowcast")]
    cells += [f"{seconds[each] / ours:.2f}" for each in others]
    cells += [f"{seconds['autocast'] / seconds['freed']:.2f}"]
    cells += [f"{flops / ours / 1e9:.0f} of {rate / 1e9:.0f}"]
    cells += [f"{flops / ours / rate:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def main(folder: str, *names: str) -> None:
    """Build what is named first, or print one row a model."""
    cache = Path(folder)
    cache.mkdir(parents=True, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.fspath(cache / "inductor")
    torch._inductor.config.freezing = True
    if names[:1] == ("build",):
        for name in names[1:] or MODELS:
            packaged(name, cache)
            alternatives(*made(name))
            print(f"built {name}", flush=True)
        return
    print(
        "| model | compiled fp32 | compiled autocast | its outputs in fp32 | narrowcast "
        "| over fp32 | over autocast | over it in fp32 | freed over autocast "
        "| GFLOP/s | of the rate |"
    )
    print("|" + "---|" * 11)
    for name in names or MODELS:
        print(row(name, cache), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
