"""The network whose trained weights `digit-recognizer-py` ships."""

from torch import nn


def build() -> nn.Module:
    """Three convolutions and two linear layers; images (n, 1, 28, 28) → logits (n, 10)."""
    return CNN()


class CNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_layers = nn.Sequential(
            *_block(1, 32), *_block(32, 64), *_block(64, 128)
        )
        self.fc_layers = nn.Sequential(
            nn.Linear(128 * 3 * 3, 256), nn.ReLU(), nn.Linear(256, 10)
        )

    def forward(self, image):
        return self.fc_layers(self.conv_layers(image).flatten(1))


def _block(channels: int, features: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, features, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
