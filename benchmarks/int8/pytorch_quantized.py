"""Speed of quantized PyTorch models, compiled: as loaded beside what is made of them.

    python benchmarks/int8/pytorch_quantized.py [convolutions|transformer ...]

Needs torchao. Four packages of each model, timed in turn on one thread: the float model,
our bf16 of it, the model as torchao's X86InductorQuantizer leaves it (int8 and fp32), and
our bf16 of that (int8 and bf16). Random weights: only speed matters. Ratios are of
medians; beside them stand the int8 kernels that the package's source calls.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    X86InductorQuantizer,
    get_default_x86_inductor_quantization_config,
)

from narrowcast.runtime import Pins, Precision
from narrowcast.runtime.common.timing import Latency, interleaved
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

LOW = Precision.BF16
SECONDS = 30.0

FLOAT, HALF, QUANTIZED, RESULT = "fp32", "bf16", "int8 as loaded", "int8 + bf16"


class Convolutions(nn.Module):
    """Seven, three of them with a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 128, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv2d(128, 128, 3, padding=1) for _ in range(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x))
        for first, second in zip(self.layers[::2], self.layers[1::2], strict=True):
            x = torch.relu(second(torch.relu(first(x))) + x)
        return x.mean((2, 3))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [nn.LayerNorm(512), nn.Linear(512, 2048), nn.Linear(2048, 512)]
            )
            for _ in range(3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for norm, up, down in self.layers:  # type: ignore[misc]
            x = x + down(nn.functional.gelu(up(norm(x))))
        return x


MODELS = {
    "convolutions": (Convolutions, (4, 3, 56, 56)),
    "transformer": (Transformer, (4, 128, 512)),
}


def quantized(model: nn.Module, batch: torch.Tensor) -> nn.Module:
    quantizer = X86InductorQuantizer()
    quantizer.set_global(get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(torch.export.export(model, (batch,)).module(), quantizer)
    prepared(batch)
    made: nn.Module = convert_pt2e(prepared)
    return made


def converted(model: nn.Module, batch: torch.Tensor, path: Path) -> Path:
    """All that can be is in bf16."""
    inputs = [Input("x", tuple(batch.shape))]
    plain = pytorch.trace(model, (batch,), low=LOW, inputs=inputs)
    traced = pytorch.under_inductor(plain)
    (plan,) = everything_low(traced, low=LOW, objective=low_compute, pins=Pins())
    return traced.save(traced.apply(plan.placement), path)


def exported(model: nn.Module, batch: torch.Tensor, path: Path) -> Path:
    torch.export.save(torch.export.export(model, (batch,)), path)
    return path


def kernels(package: Path) -> int:
    with zipfile.ZipFile(package) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".cpp")]
        text = "".join(archive.read(name).decode() for name in sources)
    return len(re.findall(r"aoti_torch_cpu__q(?:conv|linear)\w+\(", text))


def timed(name: str, folder: Path) -> tuple[dict[str, Latency], dict[str, int]]:
    make, shape = MODELS[name]
    torch.manual_seed(0)
    model, batch = make().eval(), torch.randn(shape)
    int8 = quantized(model, batch)
    saved = {
        FLOAT: exported(model, batch, folder / "fp32.pt2"),
        HALF: converted(model, batch, folder / "bf16.pt2"),
        QUANTIZED: exported(int8, batch, folder / "loaded.pt2"),
        RESULT: converted(int8, batch, folder / "result.pt2"),
    }
    packages = {
        side: pytorch.compile_saved(path, path.with_suffix(".compiled.pt2"))
        for side, path in saved.items()
    }
    torch.set_num_threads(1)
    calls = {
        side: partial(pytorch.load_compiled(package), (batch,))
        for side, package in packages.items()
    }
    counts = {side: kernels(package) for side, package in packages.items()}
    return interleaved(calls, time.perf_counter, SECONDS), counts


def main() -> None:
    for name in sys.argv[1:] or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            found, counts = timed(name, Path(folder))
        for side, latency in found.items():
            rate = found[FLOAT].median / latency.median
            print(f"{name:14} {side:16} {rate:5.2f}  {counts[side]} int8 kernels")
        gain = found[QUANTIZED].median / found[RESULT].median
        print(f"{name:14} as loaded -> result {gain:.2f}")


if __name__ == "__main__":
    main()
