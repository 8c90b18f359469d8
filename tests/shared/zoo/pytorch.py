"""The zoo as PyTorch modules: a step is the submodule of its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo import EPSILON, MODELS, SMALL, TURNS, Array, Contents

FILE = "model.pt2"
LACKS: dict[str, str] = {}
FLOATS = (torch.float32, torch.bfloat16, torch.float16)


class Dense(nn.Module):
    """A linear layer from matrices (in, out)."""

    def __init__(self, weights: Any, name: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(weights[f"{name}.weight"].T.contiguous())
        self.bias = None
        if f"{name}.bias" in weights:
            self.bias = nn.Parameter(weights[f"{name}.bias"])

    def forward(self, x: Any) -> Any:
        return nn.functional.linear(x, self.weight, self.bias)


class Residual(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm, self.head = nn.BatchNorm2d(8, EPSILON), Dense(w, "head")
        names = ("scale", "shift", "mean", "variance")
        fields = ("weight", "bias", "running_mean", "running_var")
        norm = {f: w[f"norm.{n}"] for f, n in zip(fields, names, strict=True)}
        count = self.norm.num_batches_tracked
        self.norm.load_state_dict({**norm, "num_batches_tracked": count})
        self.stem.load_state_dict({"weight": w["stem.weight"], "bias": w["stem.bias"]})
        self.conv.load_state_dict({"weight": w["conv.weight"]})

    def forward(self, x: Any) -> Any:
        stem = self.stem(x)
        return self.head(torch.relu(self.norm(self.conv(stem)) + stem).mean((2, 3)))


class Mlp(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.first, self.last = Dense(w, "first"), Dense(w, "last")
        self.relu, self.drop = nn.ReLU(), nn.Dropout()

    def forward(self, x: Any) -> Any:
        return self.last(self.drop(self.relu(self.first(x))))


class Outputs(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.first, self.last = Dense(w, "first"), Dense(w, "last")

    def forward(self, x: Any) -> Any:
        feature = torch.relu(self.first(x))
        scores = self.last(feature)
        return feature, scores, scores.argmax(1)


class Embedding(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(20, 16), Dense(w, "last")
        self.table.load_state_dict({"weight": w["table.weight"]})

    def forward(self, ids: Any) -> Any:
        return self.last(self.table(ids).mean(1))


class Shared(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.both = Dense(w, "both")

    def forward(self, x: Any) -> Any:
        return self.both(torch.tanh(self.both(x)))


class Three(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.first = Dense(w, "first")

    def forward(self, a: Any, b: Any, c: Any) -> Any:
        return self.first(a) * b + c


class Waves(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.first, self.last = Dense(w, "first"), Dense(w, "last")
        self.turns = nn.Parameter(w["turns.weight"])

    def forward(self, x: Any, t: Any) -> Any:
        return self.last(self.first(x) * torch.sin(t.float() * self.turns))


class Edge(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return torch.relu(x) * SMALL


class Branch(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.first, self.last = Dense(w, "first"), Dense(w, "last")
        self.one, self.other = Dense(w, "then"), Dense(w, "else")

    def forward(self, x: Any) -> Any:
        y = self.first(x)
        then = lambda y: torch.relu(self.one(y))  # noqa: E731
        other = lambda y: torch.tanh(self.other(y))  # noqa: E731
        return self.last(torch.cond(y.sum() > 0, then, other, (y,)))


class Loop(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.turn, self.last = Dense(w, "turn"), Dense(w, "last")

    def forward(self, x: Any) -> Any:
        from torch._higher_order_ops.while_loop import while_loop

        def turn(k: Any, x: Any) -> Any:
            return k + 1, torch.tanh(self.turn(x))

        start = (torch.zeros((), dtype=torch.int64), x)
        return self.last(while_loop(lambda k, x: k < TURNS, turn, start)[1])


class State(nn.Module):
    def __init__(self, w: Any) -> None:
        super().__init__()
        self.first = Dense(w, "first")
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: Any) -> Any:
        self.count += 1
        return self.first(x), self.count + 0


KINDS = {
    kind.__name__.lower(): kind
    for kind in (
        Residual,
        Mlp,
        Outputs,
        Embedding,
        Shared,
        Three,
        Waves,
        Edge,
        Branch,
        Loop,
        State,
    )
}


def build(name: str, folder: Path) -> nn.Module:
    weights = {k: torch.tensor(v) for k, v in MODELS[name].weights.items()}
    module: nn.Module = KINDS[name](weights)
    return module.eval()


def called(name: str, native: Any, batch: tuple[Array, ...]) -> tuple[Array, ...]:
    native.eval()
    with torch.no_grad():
        found = native(*map(tensor, batch))
    outputs = found if isinstance(found, tuple | list) else (found,)
    return tuple(each.numpy() for each in outputs)


def tensor(array: Array) -> torch.Tensor:
    return torch.from_numpy(array)


def unchanged(model: nn.Module) -> object:
    state = {k: (str(v.dtype), v.tolist()) for k, v in model.state_dict().items()}
    kept = [(id(p), p.requires_grad) for p in model.parameters()]
    return state, kept, [module.training for module in model.modules()]


def pattern(step: str) -> str:
    return re.escape(step)


def contents(path: Path) -> Contents:
    program = torch.export.load(path)
    casts = []
    modules = dict(program.graph_module.named_modules())
    for place, module in modules.items():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                dtype = node.kwargs.get("dtype")
                if node.target is torch.ops.aten._to_copy.default and dtype in FLOATS:
                    casts.append((f"{place}/{node.args[0]}", _name(dtype)))
    held = [*program.state_dict.values(), *program.constants.values()]
    weights = [
        (tuple(each.shape), _name(each.dtype))
        for each in held
        if isinstance(each, torch.Tensor) and each.dtype in FLOATS
    ]
    return Contents(tuple(casts), tuple(weights))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
