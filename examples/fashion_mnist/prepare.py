"""Train the network and put it into data/, beside Fashion-MNIST's files.

apt-get install dataset-fashion-mnist
python examples/fashion_mnist/prepare.py [FOLDER]
"""

import gzip
import shutil
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

keras = tf.keras
PACKAGE = Path("/usr/share/datasets/fashion-mnist")
FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
ROUNDS, BATCH = 2, 128


def main(folder: Path) -> None:
    """Copy the files and train for two rounds, unless a model is there."""
    if (folder / "fashion").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(PACKAGE / name, folder / name)
    images = read(folder / FILES[0], 16).reshape(-1, 28, 28, 1)
    labels = read(folder / FILES[1], 8)
    keras.utils.set_random_seed(1978)
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    steps = ROUNDS * -(-len(images) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(images.astype(np.float32) / 255, labels, BATCH, ROUNDS, verbose=2)
    model.export(str(folder / "fashion"), verbose=False)


def read(path: Path, header: int) -> np.ndarray:
    """The bytes of an idx file after its header."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def network() -> keras.Model:
    """Images (batch, 28, 28, 1) from 0 to 1 → logits (batch, 10)."""
    image = keras.Input((28, 28, 1), name="image")
    flowing = image
    for channels in (32, 64):
        conv = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False)
        normed = keras.layers.BatchNormalization(momentum=0.9)(conv(flowing))
        flowing = keras.layers.MaxPool2D(2)(keras.layers.ReLU()(normed))
    flowing = keras.layers.Flatten()(flowing)
    flowing = keras.layers.Dense(128, activation="relu")(flowing)
    return keras.Model(image, keras.layers.Dense(10, name="logits")(flowing))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "data")
