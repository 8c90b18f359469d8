"""Eager speed of converted models beside what else a user could do, in one run.

    python benchmarks/pytorch/speed.py [MODEL ...]

Each model is converted under `objective: latency`, saved, loaded again and timed in turn
with fp32, torch.autocast(bf16), model.bfloat16() and per-module wrapping, each contiguous
and in channels-last; the better layout counts. Ratios are of medians. autocast and
bfloat16() return bf16, so the best of all stands beside a file whose outputs' dtype is
freed, too, and the best that returns the model's own fp32 beside the file as it is. The
last column is of that file without torch's checks of inputs, which no alternative makes.
"""

from __future__ import annotations

import copy
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from models import MODELS, Batch, declared, in_dtype, made
from torch import nn

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.pytorch.program import Program
from narrowcast.runtime.graph.graph import Graph, casts
from narrowcast.runtime.placement import latency
from narrowcast.runtime.placement.costs import X86_BF16, Costs, StaticCosts
from narrowcast.runtime.placement.measured.measured import SECONDS_EACH, measured_costs
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
BF16 = torch.bfloat16
SECONDS = 12.0

Call = Callable[[], object]
Calls = dict[str, Call]


def wrapped(model: nn.Module) -> nn.Module:
    """A copy whose linear and convolution layers are bf16 between casts, one by one."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.bfloat16()
            module.register_forward_pre_hook(lambda _m, x: (x[0].to(BF16),))
            module.register_forward_hook(lambda _m, _x, y: y.float())
    return model


def channels_last(batch: Batch) -> Batch:
    last = torch.channels_last
    return tuple(x.to(memory_format=last) if x.dim() == 4 else x for x in batch)


def in_fp32(call: Call) -> Call:
    """The same with floats in fp32, as the model returns them."""

    def widened(value: object) -> object:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            return value.float()
        return value

    return lambda: torch.utils._pytree.tree_map(widened, call())


def autocast(model: nn.Module, batch: Batch) -> Call:
    def call() -> object:
        with torch.autocast("cpu", BF16):
            return model(*batch)

    return call


def alternatives(model: nn.Module, batch: Batch) -> dict[str, Call]:
    """Name → call; with `/cl` appended in channels-last."""
    low = copy.deepcopy(model).bfloat16()
    single = wrapped(model)
    calls: dict[str, Call] = {
        "fp32": lambda: model(*batch),
        "autocast": autocast(model, batch),
        "bfloat16()": lambda: low(*in_dtype(batch, BF16)),
        "wrapped": lambda: single(*batch),
    }
    if all(x.dim() != 4 for x in batch):
        return calls
    last = torch.channels_last
    model_cl, low_cl, single_cl = (
        copy.deepcopy(m).to(memory_format=last)  # type: ignore[call-overload]
        for m in (model, low, single)
    )
    there = channels_last(batch)
    return calls | {
        "fp32/cl": lambda: model_cl(*there),
        "autocast/cl": autocast(model_cl, there),
        "bfloat16()/cl": lambda: low_cl(*in_dtype(there, BF16)),
        "wrapped/cl": lambda: single_cl(*there),
    }


def converted(model: nn.Module, batch: Batch, folder: Path) -> tuple[Calls, str]:
    """Saved and reloaded models, and what is worth knowing of the first.

    As it is, with torch's checks of inputs and without, and with freed outputs.
    """
    traced = pytorch.trace(model, batch, low=LOW, inputs=declared(batch))
    traced = traced.with_fastest_forms(LOW, time.perf_counter, SECONDS_EACH)
    static = StaticCosts(traced.graph, X86_BF16)
    costs = measured_costs(traced, LOW, static, time.perf_counter)
    path, known = written(traced, costs, folder / "model.pt2")
    program = torch.export.load(path)
    loaded, unchecked = program.module(), program.module(check_guards=False)
    unchecked.validate_inputs = False  # type: ignore[assignment]
    open_ended = traced.freed(with_freed_outputs(traced.graph))
    other, _ = written(open_ended, costs, folder / "freed.pt2")
    freed = torch.export.load(other).module()
    size = sum(p.numel() * 4 for p in model.parameters())
    return {
        "narrowcast": lambda: loaded(*batch),
        "unchecked": lambda: unchecked(*batch),
        "freed": lambda: freed(*batch),
    }, f"{known}, file {path.stat().st_size / size:.3f} of fp32"


def written(traced: Program, costs: Costs, path: Path) -> tuple[Path, str]:
    """The file of the fastest placement, and how much of it is low."""
    graph = traced.graph
    (plan,) = everything_low(traced, low=LOW, objective=latency(costs), pins=Pins())
    low = sum(op.flops for op in graph.ops if plan.placement[op.id] == LOW)
    return traced.save(traced.apply(plan.placement), path), (
        f"{low / graph.flops:.0%} of FLOPs in bf16, "
        f"{len(casts(graph, plan.placement))} casts"
    )


def with_freed_outputs(graph: Graph) -> Graph:
    """The graph, its float outputs in bf16."""
    outputs = (each for each in graph.outputs if graph.tensors[each].floating)
    return replace(graph, returned=dict.fromkeys(outputs, LOW))


def compared(model_name: str) -> dict[str, float]:
    """Seconds per batch by alternative, the better layout of each."""
    model, batch = made(model_name)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        with torch.inference_mode(False):
            ours, known = converted(model, batch, Path(folder))
        calls = alternatives(model, batch)
        for name in list(calls):
            if name.startswith(("autocast", "bfloat16()")):
                calls["in fp32: " + name] = in_fp32(calls[name])
        calls |= ours
        count = at_once(calls["fp32"])
        blocks = {name: block(call, count) for name, call in calls.items()}
        timed = interleaved(blocks, time.perf_counter, SECONDS)
    print(f"{model_name}: {known}", file=sys.stderr)
    best: dict[str, float] = {}
    for each, found in timed.items():
        kind = each.removesuffix("/cl")
        best[kind] = min(best.get(kind, math.inf), found.median / count)
    return best


def at_once(call: Call) -> int:
    """How many calls make a block of 20 ms.

    Of a call of one or two, half goes to Python and weights that were not in a cache:
    what ran before would decide.
    """
    start = time.perf_counter()
    for _ in range(3):
        call()
    return max(1, round(0.06 / (time.perf_counter() - start)))


def block(call: Call, count: int) -> Call:
    """`count` calls as one."""

    def called() -> None:
        for _ in range(count):
            call()

    return called


def main(names: list[str]) -> None:
    """Print one row a model: milliseconds, and how many times as fast we are."""
    print(
        "| model | fp32 | autocast | bfloat16() | wrapped | narrowcast | vs fp32 | vs autocast | vs best | freed | vs best in fp32 | unchecked |"
    )
    print("|" + "---|" * 12)
    ratios = []
    for name in names or list(MODELS):
        best = compared(name)
        ours, unchecked, freed = map(best.pop, ("narrowcast", "unchecked", "freed"))
        wide = [best.pop(n) for n in list(best) if n.startswith("in fp32")]
        wide += [best["fp32"], best["wrapped"]]
        ratios.append(best["autocast"] / ours)
        cells = [f"{seconds * 1e3:.1f}" for seconds in (*best.values(), ours)]
        fastest = min(best.values())
        gains = [best["fp32"] / ours, best["autocast"] / ours, fastest / ours]
        gains += [fastest / freed, min(wide) / ours, fastest / unchecked]
        print(
            "|",
            " | ".join([name, *cells, *(f"{gain:.2f}x" for gain in gains)]),
            "|",
            flush=True,
        )
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(
        f"\nGeometric mean over autocast: {mean:.2f}x (milliseconds per batch, {torch.get_num_threads()} threads)"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
