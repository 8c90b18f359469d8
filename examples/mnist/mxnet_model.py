"""Write the trained network as `data/mnist_cnn-symbol.json` and its parameters.

python prepare.py && python mxnet_model.py
"""

import mxnet as mx
from trained import WEIGHTS, layers

nn = mx.gluon.nn


def main() -> None:
    """Images (batch, 1, 28, 28) → logits (batch, 10)."""
    net = nn.HybridSequential(prefix="")
    with net.name_scope():
        for channels in (32, 64, 128):
            net.add(nn.Conv2D(channels, 3, padding=1), nn.Activation("relu"))
            net.add(nn.MaxPool2D(2))
        net.add(nn.Flatten(), nn.Dense(256), nn.Activation("relu"), nn.Dense(10))
    net.initialize()
    net(mx.nd.zeros((1, 1, 28, 28)))
    values = [array for pair in layers() for array in pair]
    for parameter, value in zip(net.collect_params().values(), values, strict=True):
        parameter.set_data(mx.nd.array(value))
    net.hybridize()
    net(mx.nd.zeros((1, 1, 28, 28)))
    net.export(str(WEIGHTS.with_suffix("")))


if __name__ == "__main__":
    main()
