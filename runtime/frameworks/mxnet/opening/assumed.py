"""The size of images, where neither model nor data says it: one that the layers take."""

from __future__ import annotations

from ..ir.library import mx
from ..ir.network import Network, symbol

Shape = tuple[int, ...]

USUAL = (224, 299, 32, 28)
LARGEST = 512
SIDES = tuple(dict.fromkeys((*USUAL, *range(1, LARGEST + 1))))
"""What is tried for height and width, in this order."""


def assumed_image(network: Network, index: int) -> Shape | None:
    """A shape of the input that the first convolution and all parameters fit.

    None where no convolution with its channels first reads the input, or no shape fits.
    """
    sizes = _channels(network, index)
    if sizes is None:
        return None
    channels, dimensions = sizes
    held = {name: values.shape for name, values in network.parameters.items()}
    found, name = symbol(network), network.nodes[index].name
    for side in SIDES:
        shape = (1, channels, *(side,) * dimensions)
        try:
            # The other one prints what it raises.
            _own, outputs, _states = found.infer_shape_partial(**held, **{name: shape})
        except mx.base.MXNetError:
            continue
        if outputs and all(all(size > 0 for size in each) for each in outputs):
            return shape
    return None


def _channels(network: Network, index: int) -> tuple[int, int] | None:
    """Channels of the input and its other dimensions, by the convolution that reads it."""
    for node in network.nodes:
        first = node.attrs.get("layout", "None")[:2] in ("NC", "No")  # None: NCHW
        if node.op != "Convolution" or not first:
            continue
        source = node.inputs[0][0]
        while not network.nodes[source].variable:  # through norms and activations
            source = network.nodes[source].inputs[0][0]
        weight = network.parameters.get(network.nodes[node.inputs[1][0]].name)
        if source == index and weight is not None:
            groups = int(node.attrs.get("num_group", 1))
            return weight.shape[1] * groups, weight.ndim - 2
    return None
