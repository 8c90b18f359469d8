"""Recurrent layers in ATen: what a call of `lstm`, `gru` or `rnn_*` is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

FORWARD = 0
"""The first direction of a layer; the other goes through the sequence backwards."""

TARGETS = frozenset(
    getattr(torch.ops.aten, name).input
    for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")
)


@dataclass(frozen=True)
class Recurrent:
    """A call on padded batches.

    Attributes:
        input: The sequence.
        states: The first hidden state, and an LSTM's cell state: (layers and
            directions, batch, size).
        weights: Flat: those of each layer and direction, one after the other.
        ways: 2 if each layer goes through the sequence in both directions.
        batch_first: Whether the sequence is (batch, time, size).
    """

    target: OpOverload
    input: fx.Node
    states: tuple[fx.Node, ...]
    weights: tuple[fx.Node, ...]
    biases: bool
    layers: int
    ways: int
    batch_first: bool

    @property
    def count(self) -> int:
        """Layers times directions."""
        return self.layers * self.ways

    def of(self, place: int) -> tuple[fx.Node, ...]:
        """The weights of one layer and direction."""
        each = len(self.weights) // self.count
        return self.weights[place * each : (place + 1) * each]

    def call(
        self, sequence: fx.Node, states: Sequence[fx.Node], place: int
    ) -> tuple[Any, ...]:
        """The arguments for one layer and direction alone, steps first."""
        hx = list(states) if len(states) > 1 else states[0]
        end = (self.biases, 1, 0.0, False, False, False)
        return (sequence, hx, list(self.of(place)), *end)


def recurrent(node: fx.Node) -> Recurrent | None:
    """What the node calls, None if it is no recurrent layer on padded batches."""
    if node.target not in TARGETS or node.kwargs or len(node.args) != 9:
        return None
    sequence, states, weights, biases, layers, _p, train, both, first = node.args
    whole = list(states) if isinstance(states, (list, tuple)) else [states]
    assert isinstance(sequence, fx.Node)
    assert isinstance(weights, (list, tuple))
    assert isinstance(layers, int)
    ways = 2 if both else 1
    if train or len(weights) % (layers * ways):
        return None
    assert isinstance(node.target, OpOverload)
    return Recurrent(
        target=node.target,
        input=sequence,
        states=tuple(each for each in whole if isinstance(each, fx.Node)),
        weights=tuple(each for each in weights if isinstance(each, fx.Node)),
        biases=bool(biases),
        layers=layers,
        ways=ways,
        batch_first=bool(first),
    )
