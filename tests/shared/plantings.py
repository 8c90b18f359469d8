"""Rewritings of the network of `rows.py` that preserve what it computes in fp32."""

from __future__ import annotations

import numpy as np
import rows
from rows import Network, Step

CLASSES = Step("class", "argmax", ("logits.plus",))
RAISED = 2048.0
"""Added to every logit: what is largest stays so, and fp32 still tells them apart."""


def classes(network: Network, raised: float = 0.0) -> Network:
    """Gives class numbers only, from logits that are all raised."""
    bias = network.weights["logits.bias"] + np.float32(raised)
    wide = network.with_weights({"logits.bias": bias})
    return Network((*wide.steps, CLASSES), wide.weights, ("class",))


def large_mlp(network: Network, layer: int, factor: float) -> Network:
    """The ReLU of one layer sees values `factor` times as large."""
    mlp = f"layers__{layer}__mlp__"
    up = {f"{mlp}up__weight": factor, f"{mlp}up__bias": factor}
    return network.scaled(**up, **{f"{mlp}down__weight": 1 / factor})


def long_sum(network: Network, shift: float) -> Network:
    """The mean over tokens from a sum of values that are shifted far from zero."""
    shifted = Step("pooled.far", "add", ("last.norm", shift))
    total = Step("pooled.sum", "sum", ("pooled.far",), (1,))
    centred = Step("pooled.centred", "sub", ("pooled.sum", rows.TOKENS * shift))
    mean = Step("pooled.mean", "mul", ("pooled.centred", 1 / rows.TOKENS))
    return network.replaced("pooled.mean", shifted, total, centred, mean)


def saturated(network: Network, after: str, name: str, shift: float) -> Network:
    """Values, by way of a sigmoid near 1: log s - log(1 - s) where s = sigmoid(x)."""
    part = lambda last: f"{name}.{last}"  # noqa: E731
    return network.inserted(
        after,
        Step(part("raised"), "add", (after, shift)),
        Step(part("gate"), "sigmoid", (part("raised"),)),
        Step(part("rest"), "sub", (1.0, part("gate"))),
        Step(part("log"), "log", (part("gate"),)),
        Step(part("log_rest"), "log", (part("rest"),)),
        Step(part("odds"), "sub", (part("log"), part("log_rest"))),
        Step(part("back"), "sub", (part("odds"), shift)),
    )


def detour(network: Network, after: str, name: str, shift: float) -> Network:
    """Adds a large number after a step, and takes it away again."""
    return network.inserted(
        after,
        Step(f"{name}.far", "add", (after, shift)),
        Step(f"{name}.back", "sub", (f"{name}.far", shift)),
    )


def small_mlp(network: Network, layer: int) -> Network:
    """The ReLU of one layer sees values 2^-30 times as large, from weights 2^-20 times as large."""
    mlp = f"layers.{layer}.mlp"
    fields = mlp.replace(".", "__")
    small = network.scaled(
        **{f"{fields}__up__weight": 2.0**-20, f"{fields}__up__bias": 2.0**-20}
    )
    less = Step(f"{mlp}.less", "mul", (f"{mlp}.up.plus", 2.0**-10))
    small = small.inserted(f"{mlp}.up.plus", less)
    down, most = f"{mlp}.down.times", f"{mlp}.most"
    more = Step(f"{mlp}.more", "mul", (down, 2.0**15))
    return small.inserted(down, more, Step(most, "mul", (more.name, 2.0**15)))


def log_chances(network: Network, raised: float = 0.0) -> Network:
    """Gives logarithms of probabilities, (n, 10), with exponentials that are raised."""
    part = lambda last: f"chance.{last}"  # noqa: E731
    steps = (
        Step(part("raised"), "add", ("logits.plus", raised)),
        Step(part("exp"), "exp", (part("raised"),)),
        Step(part("sum"), "sum", (part("exp"),), (1,)),
        Step(part("log"), "log", (part("sum"),)),
        Step(part("lowered"), "sub", (part("log"), raised)),
        Step(part("own"), "sub", ("logits.plus", part("lowered"))),
    )
    return Network((*network.steps, *steps), network.weights, (part("own"),))


def passing(network: Network, name: str, start: float, factor: float) -> Network:
    """Tokens times what their positions have beyond `start`, and divided by it again.

    Times 1 where no position is that far, else large numbers.
    """
    part = lambda last: f"{name}.{last}"  # noqa: E731
    return network.inserted(
        "placed",
        Step(part("beyond"), "sub", ("position.each", start)),
        Step(part("none"), "relu", (part("beyond"),)),
        Step(part("large"), "mul", (part("none"), factor)),
        Step(part("gain"), "add", (part("large"), 1.0)),
        Step(part("grown"), "mul", ("placed", part("gain"))),
        Step(part("back"), "div", (part("grown"), part("gain"))),
    )


def boxes(network: Network) -> Network:
    """Gives a second output, (n, 4), 10 000 times as large."""
    width = len(network.weights["logits.weight"])
    wide = network.with_weights({"boxes.weight": np.eye(width, 4, dtype=np.float32)})
    times = Step("boxes.times", "matmul", ("pooled.flat", "boxes.weight"))
    scaled = Step("boxes.scaled", "mul", ("boxes.times", 1e4))
    outputs = (*network.outputs, "boxes.scaled")
    return Network((*wide.steps, times, scaled), wide.weights, outputs)
