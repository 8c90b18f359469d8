"""Small definitions of networks that no package needs to be installed for."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

# Output channels, blocks, stride of the first, expansion, kernel: Tan and Le,
# "EfficientNet", 2019, table 1; lite0 has neither squeeze-and-excitation nor SiLU.
LITE0 = (
    (16, 1, 1, 1, 3),
    (24, 2, 2, 6, 3),
    (40, 2, 2, 6, 5),
    (80, 3, 2, 6, 3),
    (112, 3, 1, 6, 5),
    (192, 4, 2, 6, 5),
    (320, 1, 1, 6, 3),
)


def convolved(
    taken: int, made: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """A convolution, its batch norm, ReLU6."""
    padding = kernel // 2
    layer = nn.Conv2d(taken, made, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(made), nn.ReLU6())


class Inverted(nn.Module):
    """An inverted residual: expand, convolve by channel, project."""

    def __init__(
        self, taken: int, made: int, stride: int, expansion: int, kernel: int
    ) -> None:
        super().__init__()
        wide = taken * expansion
        self.residual = stride == 1 and taken == made
        self.layers = nn.Sequential(
            *([convolved(taken, wide, 1)] if expansion > 1 else []),
            convolved(wide, wide, kernel, stride, wide),
            nn.Conv2d(wide, made, 1, bias=False),
            nn.BatchNorm2d(made),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layers(x)
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """Images (batch, 3, 224, 224) → 1000 logits."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [convolved(3, 32, 3, 2)]
        taken = 32
        for made, blocks, stride, expansion, kernel in LITE0:
            for k in range(blocks):
                first = stride if k == 0 else 1
                layers.append(Inverted(taken, made, first, expansion, kernel))
                taken = made
        layers.append(convolved(taken, 1280, 1))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(x).mean((2, 3)))
        return logits


class Residual(nn.Module):
    """Twice group norm, SiLU and a convolution, with the time step added between."""

    def __init__(self, taken: int, made: int, time: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(32, taken)
        self.conv1 = nn.Conv2d(taken, made, 3, padding=1)
        self.time = nn.Linear(time, made)
        self.norm2 = nn.GroupNorm(32, made)
        self.conv2 = nn.Conv2d(made, made, 3, padding=1)
        self.skip = nn.Conv2d(taken, made, 1) if taken != made else nn.Identity()
        self.act = nn.SiLU()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        y = (
            self.conv1(self.act(self.norm1(x)))
            + self.time(self.act(time))[:, :, None, None]
        )
        y = self.conv2(self.act(self.norm2(y)))
        made: torch.Tensor = y + self.skip(x)
        return made


class UNet(nn.Module):
    """A diffusion UNet: images (batch, 4, 64, 64) and time steps (batch, 128)."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        sizes, time = (width, 2 * width, 4 * width), 4 * width
        self.time = nn.Sequential(
            nn.Linear(128, time), nn.SiLU(), nn.Linear(time, time)
        )
        self.first = nn.Conv2d(4, width, 3, padding=1)
        taken = (width, *sizes[:-1])
        self.down = nn.ModuleList(
            Residual(a, b, time) for a, b in zip(taken, sizes, strict=True)
        )
        self.narrow = nn.ModuleList(
            nn.Conv2d(size, size, 3, stride=2, padding=1) for size in sizes[:-1]
        )
        self.middle = Residual(sizes[-1], sizes[-1], time)
        self.widen = nn.ModuleList(
            nn.ConvTranspose2d(size, size // 2, 4, stride=2, padding=1)
            for size in sizes[:0:-1]
        )
        self.up = nn.ModuleList(Residual(2 * b, b, time) for b in sizes[-2::-1])
        self.last = nn.Sequential(
            nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, 4, 3, padding=1)
        )

    def forward(self, x: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        time, y = self.time(steps), self.first(x)
        kept = []
        for k, block in enumerate(self.down):
            y = block(y, time)
            if k < len(self.narrow):
                kept.append(y)
                y = self.narrow[k](y)
        y = self.middle(y, time)
        for widen, block in zip(self.widen, self.up, strict=True):
            y = block(torch.cat([widen(y), kept.pop()], 1), time)
        noise: torch.Tensor = self.last(y)
        return noise


class DLRM(nn.Module):
    """Embeddings and a bottom MLP, their products in pairs, a top MLP (Naumov, 2019)."""

    def __init__(self, tables: int = 8, rows: int = 100_000, size: int = 64) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, size) for _ in range(tables))
        self.bottom = perceptron(13, 512, 256, size)
        pairs = (tables + 1) * tables // 2
        self.top = perceptron(size + pairs, 512, 256)
        self.head = nn.Linear(256, 1)
        which = torch.tril_indices(tables + 1, tables + 1, -1)
        self.register_buffer("pairs", which[0] * (tables + 1) + which[1])

    def forward(self, dense: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        x = self.bottom(dense)
        each = [table(ids[:, k]) for k, table in enumerate(self.tables)]
        every = torch.stack([x, *each], 1)
        products = torch.bmm(every, every.transpose(1, 2)).flatten(1)
        taken = torch.cat([x, products[:, self.pairs]], 1)  # type: ignore[index]
        clicked: torch.Tensor = torch.sigmoid(self.head(self.top(taken)))
        return clicked


def perceptron(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for taken, made in pairwise(sizes):
        layers += [nn.Linear(taken, made), nn.ReLU()]
    return nn.Sequential(*layers)


class Recurrent(nn.Module):
    """A recurrent stack and a head on the last step."""

    def __init__(self, stack: nn.LSTM | nn.GRU) -> None:
        super().__init__()
        self.stack = stack
        ways = 2 if stack.bidirectional else 1
        self.head = nn.Linear(ways * stack.hidden_size, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, _state = self.stack(x)
        logits: torch.Tensor = self.head(steps[:, -1])
        return logits
