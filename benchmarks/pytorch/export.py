"""Export networks as ONNX models, with a batch and what fp64 makes of it.

    python benchmarks/pytorch/export.py FOLDER [NAME ...]

Needs torch, transformers, onnx and onnxscript; the environment in which
benchmarks/onnx/speed.py measures needs none of them but onnx. Weights are random: only
speed and rounding matter here. The statistics of batch norms are not: they are those of
random images, so that activations stay in the range that they have in a trained network.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from models import (
    Batch,
    Made,
    bert_6,
    images,
    mobilenet_v2,
    resnet50,
    swin_tiny,
    vit_small,
    whisper_encoder,
)
from torch import nn

OPSET = 18


def efficientnet_b0() -> Made:
    from transformers import EfficientNetConfig, EfficientNetForImageClassification

    config = EfficientNetConfig(
        width_coefficient=1.0,
        depth_coefficient=1.0,
        hidden_dim=1280,
        image_size=224,
        dropout_rate=0.2,
    )
    model = EfficientNetForImageClassification(config)
    # A window of 1280 pixels, which OpenVINO refuses, stands there for the whole image.
    model.efficientnet.pooler = nn.AdaptiveAvgPool2d(1)
    return model, images()


def swin() -> Made:
    """With attention spelled out: torch's exporter fails on the fused one's views."""
    model, batch = swin_tiny()
    model.set_attn_implementation("eager")  # type: ignore[operator]
    return model, batch


MODELS = {
    "resnet50": resnet50,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": efficientnet_b0,
    "vit_small": vit_small,
    "bert_6": bert_6,
    "swin_tiny": swin,
    "whisper_encoder": whisper_encoder,
}


class Only(nn.Module):
    """Returns the one tensor that counts."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.model(x)
        result: torch.Tensor = (
            made.logits if "logits" in made else made.last_hidden_state
        )
        return result


def settle(model: nn.Module, batch: Batch) -> None:
    """Let the batch norms take their statistics from the batch."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.train()
    with torch.no_grad():
        model(*batch)
    model.eval()


def export(name: str, folder: Path) -> None:
    torch.manual_seed(0)
    model, batch = MODELS[name]()
    model.eval()
    settle(model, batch)
    exported = Only(model).eval()
    program = torch.onnx.export(
        exported, batch, dynamo=True, opset_version=OPSET, verbose=False
    )
    assert program is not None
    program.save(folder / f"{name}.onnx")
    with torch.no_grad():
        (x,) = batch
        exact = exported.double()(x.double() if x.is_floating_point() else x)
    np.savez(folder / f"{name}.npz", x=x.numpy(), exact=exact.numpy())


def main(folder: str, *names: str) -> None:
    """Write FOLDER/NAME.onnx for each."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in names or MODELS:
        export(name, Path(folder))
        print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
