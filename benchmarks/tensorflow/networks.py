"""Transformers as Keras writes them, with random weights: only their speed matters."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def _layer(x: Any, width: int, heads: int, first: bool) -> Any:
    """Attention and two dense layers; norms before them (ViT) or behind (BERT)."""
    norm = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
    attention = layers.MultiHeadAttention(heads, width // heads)
    taken = norm[0](x) if first else x
    x = layers.Add()([x, attention(taken, taken)])
    x = x if first else norm[0](x)
    taken = norm[1](x) if first else x
    wide = layers.Dense(4 * width, activation="gelu")(taken)
    x = layers.Add()([x, layers.Dense(width)(wide)])
    return x if first else norm[1](x)


class Places(layers.Layer):  # type: ignore[misc]
    """A learned vector for each position."""

    def build(self, shape: Any) -> None:
        self.rows = self.add_weight(shape=shape[1:], initializer="random_normal")

    def call(self, x: Any) -> Any:
        return x + self.rows


def minilm() -> keras.Model:
    """Six layers of 384 over 128 tokens (Wang et al., "MiniLM", 2020)."""
    words = keras.Input((128,), dtype="int32")
    x = Places()(layers.Embedding(30_522, 384)(words))
    x = layers.LayerNormalization(epsilon=1e-12)(x)
    for _ in range(6):
        x = _layer(x, 384, 12, first=False)
    return keras.Model(words, layers.GlobalAveragePooling1D()(x))


def vit() -> keras.Model:
    """ViT-small/16 (Touvron et al., "DeiT", 2021): twelve layers of 384."""
    image = keras.Input((224, 224, 3))
    x = layers.Conv2D(384, 16, 16)(image)
    x = Places()(layers.Reshape((196, 384))(x))
    for _ in range(12):
        x = _layer(x, 384, 6, first=True)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return keras.Model(image, layers.Dense(1000)(x))


MODELS = {"MiniLM": minilm, "ViT-small": vit}
