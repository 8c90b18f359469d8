"""Networks written plainly, with random weights: only what they cost counts here."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside a shortcut, as in ResNet-50."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = 4 * width
        self.reduce = _conv(inside, width, 1)
        self.middle = _conv(width, width, 3, stride)
        self.expand = _conv(width, outside, 1, last=False)
        same = inside == outside and stride == 1
        self.shortcut = (
            nn.Identity() if same else _conv(inside, outside, 1, stride, last=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.expand(self.middle(self.reduce(x)))
        return functional.relu(made + self.shortcut(x))


def _conv(
    inside: int,
    outside: int,
    size: int,
    stride: int = 1,
    groups: int = 1,
    last: bool = True,
    six: bool = False,
) -> nn.Sequential:
    """A convolution, its batch norm, and a ReLU if it is not `last`'s opposite."""
    conv = nn.Conv2d(
        inside, outside, size, stride, size // 2, groups=groups, bias=False
    )
    after: list[nn.Module] = [nn.ReLU6() if six else nn.ReLU()] if last else []
    return nn.Sequential(conv, nn.BatchNorm2d(outside), *after)


def resnet50() -> nn.Module:
    """He et al. 2015, table 1: [3, 4, 6, 3] bottlenecks; 4.1 GFLOPs of products."""
    layers: list[nn.Module] = [_conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    inside = 64
    for stage, count in enumerate((3, 4, 6, 3)):
        width = 64 * 2**stage
        for k in range(count):
            layers.append(Bottleneck(inside, width, 2 if stage and not k else 1))
            inside = 4 * width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 1000)]
    return _seeded(nn.Sequential(*layers))


class Inverted(nn.Module):
    """Expand, depthwise, project, as in MobileNetV2."""

    def __init__(self, inside: int, outside: int, stride: int, expand: int) -> None:
        super().__init__()
        width = inside * expand
        first = [] if expand == 1 else [_conv(inside, width, 1, six=True)]
        self.body = nn.Sequential(
            *first,
            _conv(width, width, 3, stride, groups=width, six=True),
            _conv(width, outside, 1, last=False),
        )
        self.same = stride == 1 and inside == outside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.body(x)
        return x + made if self.same else made


def mobilenet_v2() -> nn.Module:
    """Sandler et al. 2018, table 2."""
    rows = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    layers: list[nn.Module] = [_conv(3, 32, 3, 2, six=True)]
    inside = 32
    for expand, outside, count, stride in rows:
        for k in range(count):
            layers.append(Inverted(inside, outside, 1 if k else stride, expand))
            inside = outside
    layers.append(_conv(inside, 1280, 1, six=True))
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return _seeded(nn.Sequential(*layers))


class Layer(nn.Module):
    """A layer of BERT: attention and two linear layers, each normed after it is added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width) for _ in range(4)
        )
        self.wide, self.narrow = (
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
        )
        self.norm, self.last = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = (self._split(each(x)) for each in (self.query, self.key, self.value))
        seen = functional.scaled_dot_product_attention(*parts)
        x = self.norm(x + self.out(seen.transpose(1, 2).flatten(2)))
        made: torch.Tensor = self.narrow(functional.gelu(self.wide(x)))
        normed: torch.Tensor = self.last(x + made)
        return normed

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Bert(nn.Module):
    """BERT-base's encoder over 128 tokens (Devlin et al. 2018), 110 M parameters."""

    def __init__(self, layers: int = 12, width: int = 768, tokens: int = 128) -> None:
        super().__init__()
        self.words = nn.Embedding(30_522, width)
        self.places = nn.Embedding(tokens, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.Sequential(*(Layer(width, 12) for _ in range(layers)))
        self.head = nn.Linear(width, 2)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.words(words) + self.places.weight)
        logits: torch.Tensor = self.head(self.layers(x)[:, 0])
        return logits


def bert() -> nn.Module:
    torch.manual_seed(0)
    return Bert().eval()


def _seeded(model: nn.Module) -> nn.Module:
    """Weights by He's rule, so that activations neither vanish nor grow with depth."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return model.eval()
