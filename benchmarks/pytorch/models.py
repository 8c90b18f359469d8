"""Models by their configurations, with random weights: only their speed matters here.

Needs transformers (pip install transformers), which needs no torchvision for these.
"""

from __future__ import annotations

from collections.abc import Callable

import networks
import torch
from networks import Batch, Made
from torch import nn

from narrowcast.runtime.frameworks.inputs import Input

BATCH = 8


def made(name: str) -> Made:
    """The model in evaluation mode, and a batch."""
    torch.manual_seed(0)
    model, batch = MODELS[name]()
    return model.eval(), batch


def declared(batch: Batch) -> list[Input]:
    """Inputs for this batch, whose size varies."""
    return [
        Input(f"x{k}", ("batch", *x.shape[1:]), str(x.dtype).removeprefix("torch."))
        for k, x in enumerate(batch)
    ]


def in_dtype(batch: Batch, dtype: torch.dtype) -> Batch:
    return tuple(x.to(dtype) if x.is_floating_point() else x for x in batch)


def images() -> Batch:
    return (torch.randn(BATCH, 3, 224, 224),)


def tokens(vocabulary: int) -> Batch:
    return (torch.randint(0, vocabulary, (BATCH, 128)),)


def resnet50() -> Made:
    from transformers import ResNetConfig, ResNetForImageClassification

    return ResNetForImageClassification(ResNetConfig()), images()


def mobilenet_v2() -> Made:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    return MobileNetV2ForImageClassification(MobileNetV2Config()), images()


def convnext_tiny() -> Made:
    from transformers import ConvNextConfig, ConvNextForImageClassification

    return ConvNextForImageClassification(ConvNextConfig()), images()


def vit_small() -> Made:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=384, num_attention_heads=6, intermediate_size=4 * 384
    )
    return ViTForImageClassification(config), images()


def bert_6() -> Made:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(num_hidden_layers=6)), tokens(30_000)


def gpt2_prefill() -> Made:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(use_cache=False)), tokens(50_000)


class Recurrent(nn.Module):
    """Two LSTM layers and a head on the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(256, 512, 2, batch_first=True)
        self.head = nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, _state = self.lstm(x)
        logits: torch.Tensor = self.head(steps[:, -1])
        return logits


def lstm_2() -> Made:
    return Recurrent(), (torch.randn(BATCH, 100, 256),)


def alone(made: Made) -> Made:
    """The same with one sample."""
    model, batch = made
    return model, tuple(x[:1] for x in batch)


MODELS: dict[str, Callable[[], Made]] = {
    "ResNet-50": resnet50,
    "MobileNetV2": mobilenet_v2,
    "ConvNeXt-tiny": convnext_tiny,
    "ViT-small": vit_small,
    "BERT, 6 layers": bert_6,
    "GPT-2 small, prefill": gpt2_prefill,
    "LSTM, 2 layers": lstm_2,
    "EfficientNet-lite0, batch 8": networks.efficientnet_lite0,
    "ResNet-50, batch 1": lambda: alone(resnet50()),
    "BERT, 6 layers, batch 1": lambda: alone(bert_6()),
    "Swin-tiny, batch 4": networks.swin_tiny,
    "Whisper encoder, 1 500 steps": networks.whisper_encoder,
    "Llama, 8 layers, 4 x 128": networks.llama_8,
    "UNet, batch 2": networks.unet,
    "GRU, bidirectional": networks.gru_2,
    "DLRM, batch 256": networks.dlrm,
}
