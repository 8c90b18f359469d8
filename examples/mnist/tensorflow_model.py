"""Write the trained network as a SavedModel, `data/mnist_cnn`.

python prepare.py && python tensorflow_model.py
"""

import numpy as np
import tensorflow as tf
from trained import WEIGHTS, layers

keras = tf.keras


def main() -> None:
    """Images (batch, 28, 28, 1) → logits (batch, 10)."""
    image = keras.Input((28, 28, 1), name="image")
    flowing = image
    for channels in (32, 64, 128):
        conv = keras.layers.Conv2D(channels, 3, padding="same", activation="relu")
        flowing = keras.layers.MaxPool2D(2)(conv(flowing))
    # The weights are PyTorch's, which flattens channels first.
    flowing = keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(flowing))
    flowing = keras.layers.Dense(256, activation="relu")(flowing)
    model = keras.Model(image, keras.layers.Dense(10, name="logits")(flowing))
    trained = [(np.transpose(w, order(w)), b) for w, b in layers()]
    model.set_weights([array for pair in trained for array in pair])
    model.export(str(WEIGHTS.with_suffix("")), verbose=False)


def order(weight: np.ndarray) -> tuple[int, ...]:
    """From (out, in, …) to TensorFlow's (…, in, out)."""
    return (2, 3, 1, 0) if weight.ndim == 4 else (1, 0)


if __name__ == "__main__":
    main()
