"""The error of converted models, against fp64, is that of `model.bfloat16()` or less."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

Batch = tuple[torch.Tensor, ...]
BATCHES = 6


class Residual(nn.Module):
    """Convolutions with batch norms, around which a branch leads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3, padding=1)
        self.blocks = nn.ModuleList(self.block(24) for _ in range(3))
        self.head = nn.Linear(24, 10)

    def block(self, channels: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = torch.relu(x + block(x))
        logits: torch.Tensor = self.head(x.mean((2, 3)))
        return logits


class Depthwise(Residual):
    """Inverted residuals, as MobileNetV2 has them."""

    def block(self, channels: int) -> nn.Module:
        wide = 4 * channels
        return nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class Encoder(nn.Module):
    """Layers of attention, as ViT and BERT have them."""

    def __init__(self, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm1": nn.LayerNorm(width),
                    "qkv": nn.Linear(width, 3 * width),
                    "out": nn.Linear(width, width),
                    "norm2": nn.LayerNorm(width),
                    "wide": nn.Linear(width, 4 * width),
                    "narrow": nn.Linear(4 * width, width),
                }
            )
            for _ in range(layers)
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        n, length, width = x.shape
        for layer in self.layers:
            qkv = layer["qkv"](layer["norm1"](x)).view(n, length, 3, 4, width // 4)
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
            found = nn.functional.scaled_dot_product_attention(q, k, v, mask)
            x = x + layer["out"](found.transpose(1, 2).reshape(n, length, width))
            wide = nn.functional.gelu(layer["wide"](layer["norm2"](x)))
            x = x + layer["narrow"](wide)
        return x


class Vision(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 8, 8)
        self.position = nn.Parameter(torch.randn(1, 16, 64) * 0.02)
        self.encoder = Encoder()
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        logits: torch.Tensor = self.head(self.encoder(x, None).mean(1))
        return logits


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(500, 64)
        self.positions = nn.Embedding(24, 64)
        self.encoder = Encoder()
        self.head = nn.Linear(64, 10)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.words(ids) + self.positions(torch.arange(24, device=ids.device))
        found = self.encoder(x, (mask > 0)[:, None, None, :])
        logits: torch.Tensor = self.head(found[:, 0])
        return logits


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, 64, 2, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.lstm(x)[0][:, -1])
        return logits


def image() -> Batch:
    return (torch.randn(8, 3, 32, 32),)


def text() -> Batch:
    mask = torch.arange(24) < torch.randint(8, 25, (8, 1))
    return torch.randint(0, 500, (8, 24)), mask.long()


def steps() -> Batch:
    return (torch.randn(8, 20, 32),)


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Batch]]] = {
    "residual": (Residual, image),
    "depthwise": (Depthwise, image),
    "vision": (Vision, image),
    "language": (Language, text),
    "recurrent": (Recurrent, steps),
}


def trained(build: Callable[[], nn.Module], draw: Callable[[], Batch]) -> nn.Module:
    """With the statistics that batch norms have after training, and scales beside 1."""
    model = build()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            module.momentum = None
    with torch.no_grad():
        for _ in range(4):
            model.train()(*draw())
    return model.eval()


def in_dtype(batch: Batch, dtype: torch.dtype) -> Batch:
    return tuple(x.to(dtype) if x.is_floating_point() else x for x in batch)


def error(
    model: Any, dtype: torch.dtype, wide: nn.Module, batches: list[Batch]
) -> float:
    """RMS of the difference from `wide` over its RMS, over all batches."""
    with torch.no_grad():
        expected = torch.cat([wide(*in_dtype(b, torch.float64)) for b in batches])
        found = torch.cat([model(*in_dtype(b, dtype)) for b in batches])
    return float((found.double() - expected).norm() / expected.norm())


def ratio(
    name: str, seed: int, tools: Any, folder: Path, pins: Sequence[str] = ()
) -> float:
    """Our error as saved and loaded again, over that of bfloat16()."""
    build, draw = CASES[name]
    torch.manual_seed(seed)
    model = trained(build, draw)
    wide, low = copy.deepcopy(model).double(), copy.deepcopy(model).bfloat16()
    batches = [draw() for _ in range(BATCHES)]
    program = tools.trace(model, *draw())
    held = [op.id for op in program.graph.ops if op.type in pins]
    assert bool(held) == bool(pins)
    placement = tools.all_low(program, pins=held)
    path = program.save(program.apply(placement), folder / f"{name}{seed}.pt2")
    ours = torch.export.load(path).module()
    return error(ours, torch.float32, wide, batches) / error(
        low, torch.bfloat16, wide, batches
    )


def mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


@pytest.mark.parametrize("name", CASES)
def test_the_error_is_that_of_bfloat16_at_most(
    name: str, tools: Any, tmp_path: Path
) -> None:
    """Over several weights: of one alone, a tenth is luck."""
    ratios = [ratio(name, seed, tools, tmp_path) for seed in range(4)]
    assert mean(ratios) <= 1.1, ratios


PINNED = {
    "residual": ("conv2d",),
    "depthwise": ("conv2d",),
    "vision": ("linear",),
    "language": ("linear",),
    "recurrent": ("lstm",),
}


@pytest.mark.parametrize("name", CASES)
def test_what_stays_fp32_makes_it_smaller(
    name: str, tools: Any, tmp_path: Path
) -> None:
    ratios = [ratio(name, seed, tools, tmp_path, PINNED[name]) for seed in range(2)]
    assert mean(ratios) < 1.0, ratios
