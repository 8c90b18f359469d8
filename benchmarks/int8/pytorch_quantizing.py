"""Speed of PyTorch models quantized here, beside the PyTorch tutorial's int8 and bf16.

    python benchmarks/int8/pytorch_quantizing.py [resnet50|bert ...]

Needs torchao. Three programs of each model, timed in turn on one thread: our package in
bf16, ours in int8 and bf16, and what the tutorial "PyTorch 2 Export Quantization with X86
Backend through Inductor" makes: X86InductorQuantizer, autocast to bf16, torch.compile with
frozen weights. Ratios are of medians; errors are those of the outputs, RMS over RMS.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_networks import bert, resnet50
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    X86InductorQuantizer,
    get_default_x86_inductor_quantization_config,
)

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import interleaved
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.quantizing.quantization import Quantization
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
SECONDS = 30.0
MODELS = {"resnet50": resnet50, "bert": bert}
HALF, TUTORIAL, OURS = "bf16", "tutorial's int8 + bf16", "int8 + bf16"

Call = Callable[[], Any]


def tutorial(model: nn.Module, batch: torch.Tensor) -> Call:
    """As it is written there."""
    os.environ["TORCHINDUCTOR_FREEZING"] = "1"
    torch._inductor.config.freezing = True
    quantizer = X86InductorQuantizer()
    quantizer.set_global(get_default_x86_inductor_quantization_config())
    with torch.no_grad():
        prepared = prepare_pt2e(
            torch.export.export(model, (batch,)).module(), quantizer
        )
        prepared(batch)
        converted = convert_pt2e(prepared)
        optimized = torch.compile(converted)

    def call() -> Any:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            return optimized(batch)

    call()
    call()
    return call


def packages(model: nn.Module, batch: torch.Tensor, folder: Path) -> dict[str, Path]:
    """Ours, in bf16 and with int8."""
    (named,) = pytorch.signature(model)
    dtype = str(batch.dtype).removeprefix("torch.")
    inputs = [Input(named.name, tuple(batch.shape), dtype)]
    plain = pytorch.under_inductor(
        pytorch.trace(model, (batch,), low=LOW, inputs=inputs)
    )
    made = {}
    for side, program in (
        (HALF, plain),
        (OURS, plain.calibrated([(batch,)], Quantization())),
    ):
        (plan,) = everything_low(program, low=LOW, objective=low_compute, pins=Pins())
        graph = program.graph
        int8, low = (
            graph.flops_int8(plan.placement),
            graph.flops_in(plan.placement, LOW),
        )
        shares = f"{int8 / graph.flops:.1%} int8, {low / graph.flops:.1%} bf16"
        saved = program.save(program.apply(plan.placement), folder / f"{side[:4]}.pt2")
        made[side] = pytorch.compile_saved(saved, saved.with_suffix(".compiled.pt2"))
        print(f"{side:24} {shares} of FLOPs; {dict(kernels(made[side]))}", flush=True)
    return made


def kernels(package: Path) -> Counter[str]:
    """What the machine code calls, by the source in the package."""
    with zipfile.ZipFile(package) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".cpp")]
        text = "".join(archive.read(name).decode() for name in sources)
    return Counter(
        re.findall(r"aoti_torch_cpu_(?:mkldnn_)?_((?:q?conv|q?linear)\w+?)\(", text)
    )


def calls(name: str, folder: Path) -> dict[str, Call]:
    """What is timed, compiled."""
    model, batch = MODELS[name]()
    made = packages(model, batch, folder)
    found: dict[str, Call] = {
        side: partial(pytorch.load_compiled(package), (batch,))
        for side, package in made.items()
    }
    found[TUTORIAL] = tutorial(model, batch)
    with torch.no_grad():
        reference = model(batch)
    for side, call in found.items():
        (output,) = torch.utils._pytree.tree_leaves(call())
        off = torch.as_tensor(output).float() - reference
        print(f"{name} {side:24} error {float(off.norm() / reference.norm()):.4f}")
    return found


def main() -> None:
    torch.set_num_threads(1)
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            found = interleaved(calls(name, Path(folder)), time.perf_counter, SECONDS)
        for side, latency in found.items():
            print(f"{name} {side:24} {latency.median * 1e3:8.2f} ms")
        for rival in (HALF, TUTORIAL):
            gain = found[rival].median / found[OURS].median
            print(f"{name} {rival} -> {OURS}: {gain:.2f}")


if __name__ == "__main__":
    main()
