"""A decoder like Llama's, written plainly, whose weights come from a file."""

from __future__ import annotations

import os

import torch
from torch import nn
from torch.nn import functional

WIDTH = "BENCH_WIDTH"
LAYERS = "BENCH_LAYERS"
WORDS = 32_000
HEAD = 64


class Norm(nn.Module):
    """RMSNorm (Zhang and Sennrich 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Layer(nn.Module):
    """Causal attention and a gated network, each added to what it was given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = 8 * width // 3 // 64 * 64
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        self.gate, self.up = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.down = nn.Linear(inner, width, bias=False)
        self.first, self.second = Norm(width), Norm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.first(x)
        parts = (self._split(each(seen)) for each in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        seen = self.second(x)
        made: torch.Tensor = self.down(functional.silu(self.gate(seen)) * self.up(seen))
        return x + made

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (-1, HEAD)).transpose(1, 2)


class Decoder(nn.Module):
    """Words → logits of the next word; without positions, which weigh nothing."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, width)
        self.layers = nn.Sequential(*(Layer(width) for _ in range(layers)))
        self.norm = Norm(width)
        self.head = nn.Linear(width, WORDS, bias=False)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.norm(self.layers(self.words(words))))
        return logits


def decoder() -> nn.Module:
    """The shapes alone, of the size that the environment says; weights are loaded."""
    with torch.device("meta"):
        return Decoder(int(os.environ[WIDTH]), int(os.environ[LAYERS]))


def built() -> nn.Module:
    """The same with weights of its own in memory, as most factories give it."""
    return Decoder(int(os.environ[WIDTH]), int(os.environ[LAYERS]))
