"""The transformer of `rows.py` as a PyTorch module: one submodule for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import rows
import torch
from torch import nn
from torch.nn import functional as F


def _norm(x: Any, scale: Any, shift: Any, at: Any) -> Any:
    return F.layer_norm(x, scale.shape, scale, shift, rows.EPSILON)


OPS: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b, at: a + b,
    "sub": lambda a, b, at: a - b,
    "mul": lambda a, b, at: a * b,
    "div": lambda a, b, at: a / b,
    "matmul": lambda a, b, at: torch.matmul(a, b),
    "relu": lambda x, at: torch.relu(x),
    "exp": lambda x, at: torch.exp(x),
    "log": lambda x, at: torch.log(x),
    "sqrt": lambda x, at: torch.sqrt(x),
    "sin": lambda x, at: torch.sin(x),
    "cos": lambda x, at: torch.cos(x),
    "tanh": lambda x, at: torch.tanh(x),
    "sigmoid": lambda x, at: torch.sigmoid(x),
    "sum": lambda x, at: x.sum(at, keepdim=True),
    "mean": lambda x, at: x.mean(at, keepdim=True),
    "max": lambda x, at: x.amax(at, keepdim=True),
    "softmax": lambda x, at: torch.softmax(x, -1),
    "layer_norm": _norm,
    "reshape": lambda x, at: x.reshape(at),
    "transpose": lambda x, at: x.permute(at),
    "concat": lambda *xs, at: torch.cat(xs, -1),
    "argmax": lambda x, at: x.argmax(-1),
}


class One(nn.Module):
    """One step; it owns the weights that no earlier step read."""

    def __init__(self, step: rows.Step) -> None:
        super().__init__()
        self.step = step

    def forward(self, *read: Any) -> Any:
        return OPS[self.step.op](*read, at=self.step.at)


class Rows(nn.Module):
    """The network; a step `layers.0.mlp.relu` is the submodule of that path.

    Takes rows (n, 28, 28) and positions (n, 28), gives the outputs in their order.
    """

    def __init__(self, network: rows.Network) -> None:
        super().__init__()
        self.network = network
        self.owned: dict[str, tuple[str, str]] = {}
        for step in network.steps:
            one = One(step)
            for name in step.inputs:
                if name in network.weights and name not in self.owned:
                    own = str(name).rpartition(".")[2]
                    value = torch.tensor(network.weights[str(name)])
                    one.register_parameter(own, nn.Parameter(value))
                    self.owned[str(name)] = step.name, own
            self._add(step.name, one)

    def _add(self, name: str, one: One) -> None:
        place: nn.Module = self
        *path, last = name.split(".")
        for part in path:
            if not hasattr(place, part):
                place.add_module(part, nn.Module())
            place = getattr(place, part)
        place.add_module(last, one)

    def weight(self, name: str) -> nn.Parameter:
        """The parameter for one of the network's weights."""
        step, own = self.owned[name]
        found: nn.Parameter = getattr(self.get_submodule(step), own)
        return found

    def forward(self, *inputs: torch.Tensor) -> Any:
        known: dict[Any, Any] = dict(zip(rows.INPUTS, inputs, strict=True))
        for step in self.network.steps:
            read = [
                self.weight(name) if name in self.owned else known.get(name, name)
                for name in step.inputs  # a float is not among the known
            ]
            known[step.name] = self.get_submodule(step.name)(*read)
        outputs = tuple(known[name] for name in self.network.outputs)
        return outputs if len(outputs) > 1 else outputs[0]


def build(network: rows.Network) -> nn.Module:
    """The network in evaluation mode."""
    return Rows(network).eval()
