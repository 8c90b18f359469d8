"""Networks of shapes that models have of which nothing was tuned here, random weights."""

from __future__ import annotations

import itertools

import torch
from torch import nn

Batch = tuple[torch.Tensor, ...]
Made = tuple[nn.Module, Batch]


def _block(
    wide: int, out: int, kernel: int, stride: int, groups: int, act: bool
) -> nn.Sequential:
    pad = kernel // 2
    layers: list[nn.Module] = [
        nn.Conv2d(wide, out, kernel, stride, pad, groups=groups, bias=False),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU6()] if act else []))


class Inverted(nn.Module):
    """An inverted bottleneck without squeeze and excitation."""

    def __init__(
        self, wide: int, out: int, kernel: int, stride: int, expand: int
    ) -> None:
        super().__init__()
        inner = wide * expand
        first = [_block(wide, inner, 1, 1, 1, True)] if expand > 1 else []
        self.layers = nn.Sequential(
            *first,
            _block(inner, inner, kernel, stride, inner, True),
            _block(inner, out, 1, 1, 1, False),
        )
        self.residual = stride == 1 and wide == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layers(x)
        return x + made if self.residual else made


STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""EfficientNet-lite0 (Tan and Le 2019, without what lite leaves out): expansion,
channels, blocks, stride, kernel."""


def efficientnet_lite0() -> Made:
    layers: list[nn.Module] = [_block(3, 32, 3, 2, 1, True)]
    wide = 32
    for expand, out, blocks, stride, kernel in STAGES:
        for k in range(blocks):
            layers.append(Inverted(wide, out, kernel, 1 if k else stride, expand))
            wide = out
    head = [_block(wide, 1280, 1, 1, 1, True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    model = nn.Sequential(*layers, *head, nn.Linear(1280, 1000))
    return model, (torch.randn(8, 3, 224, 224),)


class Residual(nn.Module):
    """GroupNorm, SiLU, convolution, twice, with the time's embedding between."""

    def __init__(self, wide: int, out: int, time: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(32, wide), nn.SiLU(), nn.Conv2d(wide, out, 3, 1, 1)
        )
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(time, out))
        self.second = nn.Sequential(
            nn.GroupNorm(32, out), nn.SiLU(), nn.Conv2d(out, out, 3, 1, 1)
        )
        self.skip = nn.Conv2d(wide, out, 1) if wide != out else nn.Identity()

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        made = self.first(x) + self.time(t)[:, :, None, None]
        skipped: torch.Tensor = self.skip(x)
        return skipped + self.second(made)


class Unet(nn.Module):
    """A diffusion model's: two levels down and up, by transposed convolutions."""

    def __init__(self, wide: int = 64, time: int = 256) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(time, time), nn.SiLU())
        self.stem = nn.Conv2d(3, wide, 3, 1, 1)
        self.down = nn.ModuleList(
            [Residual(wide, wide, time), Residual(2 * wide, 2 * wide, time)]
        )
        self.lessen = nn.ModuleList(
            [
                nn.Conv2d(wide, 2 * wide, 3, 2, 1),
                nn.Conv2d(2 * wide, 4 * wide, 3, 2, 1),
            ]
        )
        self.middle = Residual(4 * wide, 4 * wide, time)
        self.enlarge = nn.ModuleList(
            [
                nn.ConvTranspose2d(4 * wide, 2 * wide, 2, 2),
                nn.ConvTranspose2d(2 * wide, wide, 2, 2),
            ]
        )
        self.up = nn.ModuleList(
            [Residual(4 * wide, 2 * wide, time), Residual(2 * wide, wide, time)]
        )
        self.head = nn.Sequential(
            nn.GroupNorm(32, wide), nn.SiLU(), nn.Conv2d(wide, 3, 3, 1, 1)
        )

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        t = self.time(t)
        x = self.stem(x)
        kept = []
        for block, halve in zip(self.down, self.lessen, strict=True):
            x = block(x, t)
            kept.append(x)
            x = halve(x)
        x = self.middle(x, t)
        for block, double in zip(self.up, self.enlarge, strict=True):
            x = block(torch.cat([double(x), kept.pop()], 1), t)
        made: torch.Tensor = self.head(x)
        return made


def unet() -> Made:
    return Unet(), (torch.randn(2, 3, 64, 64), torch.randn(2, 256))


class Gru(nn.Module):
    """Two bidirectional layers and a head on all steps."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(128, 256, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(512, 40)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, _state = self.gru(x)
        made: torch.Tensor = self.head(steps)
        return made


def gru_2() -> Made:
    return Gru(), (torch.randn(8, 100, 128),)


def _mlp(*wide: int) -> nn.Sequential:
    pairs = itertools.pairwise(wide)
    return nn.Sequential(
        *(layer for a, b in pairs for layer in (nn.Linear(a, b), nn.ReLU()))
    )


class Dlrm(nn.Module):
    """Embeddings, a bottom MLP, their products by pairs, a top MLP (Naumov et al. 2019)."""

    def __init__(self, tables: int = 8, rows: int = 10_000, wide: int = 64) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, wide) for _ in range(tables))
        self.bottom = _mlp(13, 512, 256, wide)
        count = tables + 1
        lower = torch.tril_indices(count, count, -1)
        self.register_buffer("rows", lower[0])
        self.register_buffer("columns", lower[1])
        pairs = count * (count - 1) // 2
        self.top = nn.Sequential(_mlp(wide + pairs, 512, 256), nn.Linear(256, 1))

    def forward(self, dense: torch.Tensor, sparse: torch.Tensor) -> torch.Tensor:
        x = self.bottom(dense)
        taken = [table(sparse[:, k]) for k, table in enumerate(self.tables)]
        every = torch.stack([x, *taken], 1)
        products = every @ every.transpose(1, 2)
        pairs = products[:, self.rows, self.columns]
        made: torch.Tensor = self.top(torch.cat([x, pairs], 1))
        return made.sigmoid()


def dlrm() -> Made:
    return Dlrm(), (torch.randn(256, 13), torch.randint(0, 10_000, (256, 8)))


def swin_tiny() -> Made:
    from transformers import SwinConfig, SwinForImageClassification

    return SwinForImageClassification(SwinConfig()), (torch.randn(4, 3, 224, 224),)


def whisper_encoder() -> Made:
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    return WhisperEncoder(WhisperConfig()), (torch.randn(1, 80, 3000),)


def llama_8() -> Made:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=2,
        use_cache=False,
    )
    return LlamaForCausalLM(config), (torch.randint(0, 32_000, (4, 128)),)
