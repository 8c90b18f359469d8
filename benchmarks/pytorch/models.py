"""Models by their configurations, with random weights: only their speed matters here.

Needs transformers (pip install transformers), which needs no torchvision for these.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from networks import DLRM, EfficientNetLite0, Recurrent, UNet
from torch import nn

from narrowcast.runtime.frameworks.inputs import Input

BATCH = 8

Batch = tuple[torch.Tensor, ...]
Made = tuple[nn.Module, Batch]


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


def images(batch: int = BATCH) -> Batch:
    return (torch.randn(batch, 3, 224, 224),)


def tokens(vocabulary: int, batch: int = BATCH) -> Batch:
    return (torch.randint(0, vocabulary, (batch, 128)),)


def alone(model: Callable[[], Made]) -> Callable[[], Made]:
    """The model with one sample a batch."""

    def made() -> Made:
        network, batch = model()
        return network, tuple(x[:1] for x in batch)

    return made


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


def swin_tiny() -> Made:
    from transformers import SwinConfig, SwinForImageClassification

    return SwinForImageClassification(SwinConfig()), images(4)


def whisper_encoder() -> Made:
    """The encoder of whisper-base: 1500 steps of 30 seconds."""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig(
        d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048
    )
    return WhisperEncoder(config), (torch.randn(1, 80, 3000),)


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
    return LlamaForCausalLM(config), tokens(32_000, 4)


def lstm_2() -> Made:
    stack = nn.LSTM(256, 512, 2, batch_first=True)
    return Recurrent(stack), (torch.randn(BATCH, 100, 256),)


def gru_both_ways() -> Made:
    stack = nn.GRU(256, 256, 2, batch_first=True, bidirectional=True)
    return Recurrent(stack), (torch.randn(BATCH, 100, 256),)


def efficientnet_lite0() -> Made:
    return EfficientNetLite0(), images()


def unet() -> Made:
    return UNet(), (torch.randn(2, 4, 64, 64), torch.randn(2, 128))


def dlrm() -> Made:
    return DLRM(), (torch.randn(256, 13), torch.randint(0, 100_000, (256, 8)))


MODELS: dict[str, Callable[[], Made]] = {
    "ResNet-50": resnet50,
    "MobileNetV2": mobilenet_v2,
    "ConvNeXt-tiny": convnext_tiny,
    "ViT-small": vit_small,
    "BERT, 6 layers": bert_6,
    "GPT-2 small, prefill": gpt2_prefill,
    "LSTM, 2 layers": lstm_2,
    "EfficientNet-lite0": efficientnet_lite0,
    "ResNet-50, one image": alone(resnet50),
    "BERT, 6 layers, one text": alone(bert_6),
    "Swin-tiny": swin_tiny,
    "Whisper encoder": whisper_encoder,
    "Llama-like, 8 layers": llama_8,
    "UNet": unet,
    "GRU, both ways": gru_both_ways,
    "DLRM": dlrm,
}
