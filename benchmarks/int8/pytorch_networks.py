"""ResNet-50 and BERT in plain torch, with random weights: only their speed matters."""

from __future__ import annotations

import torch
from torch import nn

BATCH = 8


class Bottleneck(nn.Module):
    """He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, figure 5."""

    def __init__(self, taken: int, width: int, stride: int) -> None:
        super().__init__()
        made = 4 * width
        self.first, self.norm1 = nn.Conv2d(taken, width, 1, bias=False), norm(width)
        self.second = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm2 = norm(width)
        self.third, self.norm3 = nn.Conv2d(width, made, 1, bias=False), norm(made)
        self.beside: nn.Module = nn.Identity()
        if stride > 1 or taken != made:
            conv = nn.Conv2d(taken, made, 1, stride, bias=False)
            self.beside = nn.Sequential(conv, norm(made))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.first(x)))
        y = torch.relu(self.norm2(self.second(y)))
        return torch.relu(self.norm3(self.third(y)) + self.beside(x))


def norm(channels: int) -> nn.BatchNorm2d:
    """A norm whose sums stay of one size over fifty layers."""
    made = nn.BatchNorm2d(channels)
    nn.init.uniform_(made.weight, 0.2, 0.6)
    return made


class ResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 64, 7, 2, 3, bias=False), norm(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        layers, taken = [], 64
        for width, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
            for k in range(count):
                stride = 2 if k == 0 and width > 64 else 1
                layers.append(Bottleneck(taken, width, stride))
                taken = 4 * width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(taken, 1000)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.norm(self.stem(image))))
        x = self.layers(x).mean((2, 3))
        return self.head(x)  # type: ignore[no-any-return]


class Layer(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (
            nn.Linear(size, size) for _ in range(4)
        )
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (self._parted(each(x)) for each in (self.query, self.key, self.value))
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        y = y.transpose(1, 2).flatten(2)
        x = self.norm1(x + self.out(y))
        return self.norm2(x + self.down(nn.functional.gelu(self.up(x))))  # type: ignore[no-any-return]

    def _parted(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Bert(nn.Module):
    """Devlin et al., NAACL 2019: BERT-base's encoder, half as deep."""

    def __init__(self, layers: int = 6, size: int = 768) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(30522, size), nn.Embedding(512, size)
        self.norm = nn.LayerNorm(size)
        self.layers = nn.Sequential(*(Layer(size, size // 64) for _ in range(layers)))
        self.head = nn.Linear(size, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        places = self.places(torch.arange(tokens.shape[1]))
        x = self.layers(self.norm(self.words(tokens) + places))
        return self.head(torch.tanh(x[:, 0]))  # type: ignore[no-any-return]


def resnet50() -> tuple[nn.Module, torch.Tensor]:
    """The network and a batch."""
    torch.manual_seed(0)
    return ResNet50().eval(), torch.randn(BATCH, 3, 224, 224)


def bert() -> tuple[nn.Module, torch.Tensor]:
    """The network and a batch."""
    torch.manual_seed(0)
    return Bert().eval(), torch.randint(0, 30522, (BATCH, 128))
