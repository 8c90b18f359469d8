"""LSTM, GRU and RNN layers are one op each, a way, for any batch and any length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast.runtime.graph.graph import Kind, Precision, casts
from narrowcast.runtime.graph.pins import Pins, user_pins

LAYERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "lstm": (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    "lstm_projected": (nn.LSTM, {"proj_size": 4}),
    "gru": (nn.GRU, {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    "rnn_tanh": (nn.RNN, {"batch_first": True}),
}
VARIES = {
    False: ("length", "batch", 8),
    True: ("batch", "length", 8),
}


class Recurrent(nn.Module):
    """States made as zeros inside; all outputs are returned."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        layer, options = LAYERS[kind]
        self.rnn = layer(8, 16, **options)
        width = options.get("proj_size", 16) * (2 if self.rnn.bidirectional else 1)
        self.head = nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> Any:
        sequence, states = self.rnn(x)
        return self.head(sequence), states


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_is_one_low_op_and_its_length_varies_in_a_fresh_process(
    tools: Any, python: Any, kind: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = Recurrent(kind).eval()
    first = bool(model.rnn.batch_first)
    program = tools.trace(model, torch.randn(5, 5, 8), shapes=[VARIES[first]])
    (op,) = (
        op for op in program.graph.ops if op.type == kind.removesuffix("_projected")
    )
    assert op.kind is Kind.COMPUTE
    assert op.flops > 0
    placement = tools.all_low(program)
    assert placement[op.id] == placement["head:linear:0"] == Precision.BF16
    program.save(program.apply(placement), tmp_path / "rnn.pt2")
    sizes = [(3, 11), (1, 1), (7, 2)]
    batches = [torch.randn(*size, 8) for size in sizes]
    torch.save(batches, tmp_path / "batches.pt")
    script = (
        "import json, torch\n"
        "module = torch.export.load('rnn.pt2').module()\n"
        "leaves = torch.utils._pytree.tree_leaves\n"
        "found = [[(str(t.dtype), t.tolist()) for t in leaves(module(b))]\n"
        "         for b in torch.load('batches.pt')]\n"
        "print(json.dumps(found))\n"
    )
    done = python("-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for batch, found in zip(batches, json.loads(done.stdout), strict=True):
        assert {dtype for dtype, _values in found} == {"torch.float32"}
        made = [torch.tensor(values) for _dtype, values in found]
        with torch.no_grad():
            expected = tools.leaves(model(batch))
        assert [t.shape for t in made] == [t.shape for t in expected]
        assert tools.error(expected, made) < 0.03


def test_zeros_made_inside_follow_the_layer_without_a_cast(
    tools: Any, tmp_path: Path
) -> None:
    program = tools.trace(Recurrent("gru"), torch.randn(5, 5, 8), shapes=[VARIES[True]])
    placement = tools.all_low(program)
    path = program.save(program.apply(placement), tmp_path / "gru.pt2")
    graph = torch.export.load(path).module().graph
    cast = [
        node.args[0].name
        for node in graph.nodes
        if node.target is torch.ops.aten._to_copy.default
    ]
    assert len(cast) == len(casts(program.graph, placement)) == 3
    assert not [name for name in cast if "zeros" in name]
    (zeros,) = graph.find_nodes(op="call_function", target=torch.ops.aten.zeros.default)
    assert zeros.kwargs["dtype"] == torch.bfloat16


class Given(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(8, 16, batch_first=True)

    def forward(
        self, x: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor]
    ) -> Any:
        return self.rnn(x, states)


def test_states_may_be_inputs(tools: Any, tmp_path: Path) -> None:
    from narrowcast.runtime.frameworks import pytorch
    from narrowcast.runtime.frameworks.inputs import Input

    model = Given().eval()
    inputs = [
        Input("x", ("batch", "length", 8), "float32"),
        Input("states.0", (1, "batch", 16), "float32"),
        Input("states.1", (1, "batch", 16), "float32"),
    ]
    batch = torch.randn(3, 5, 8), torch.randn(1, 3, 16), torch.randn(1, 3, 16)
    program = pytorch.trace(model, batch, low=Precision.BF16, inputs=inputs)
    placement = tools.all_low(program)
    assert placement["rnn:lstm:0"] == Precision.BF16
    path = program.save(program.apply(placement), tmp_path / "given.pt2")
    other = torch.randn(2, 9, 8), torch.randn(1, 2, 16), torch.randn(1, 2, 16)
    found = [torch.from_numpy(each) for each in pytorch.load_saved(path)(other)]
    with torch.no_grad():
        expected = model(other[0], other[1:])
    assert tools.error(expected, found) < 0.03


def test_torchs_own_kernels_are_put_back(tools: Any) -> None:
    op = torch.ops.aten.lstm.input
    before = dict(op.py_kernels)
    tools.trace(Recurrent("lstm"), torch.randn(5, 5, 8), shapes=[VARIES[False]])
    assert op.py_kernels == before


STACKS: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "lstm": (nn.LSTM, {"num_layers": 3}, ["lstm", "lstm_l1", "lstm_l2"]),
    "both ways": (
        nn.LSTM,
        {"num_layers": 2, "bidirectional": True, "batch_first": True, "proj_size": 4},
        ["lstm", "lstm_reverse", "lstm_l1", "lstm_l1_reverse"],
    ),
    "one layer": (
        nn.GRU,
        {"bidirectional": True, "dropout": 0.0, "bias": False},
        ["gru", "gru_reverse"],
    ),
    "gru": (
        nn.GRU,
        {"num_layers": 2, "batch_first": True, "dropout": 0.5},
        ["gru", "gru_l1"],
    ),
    "rnn": (nn.RNN, {"num_layers": 2}, ["rnn_tanh", "rnn_tanh_l1"]),
}


class Stack(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        layer, options, _types = STACKS[kind]
        self.rnn = layer(8, 16, **options)

    def forward(self, x: torch.Tensor) -> Any:
        return self.rnn(x)


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("kind", STACKS)
def test_each_layer_and_direction_has_a_precision_of_its_own(
    tools: Any, kind: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = Stack(kind).eval()
    shapes = [VARIES[bool(model.rnn.batch_first)]]
    x, longer = torch.randn(5, 4, 8), torch.randn(3, 7, 8)
    program = tools.trace(model, x, shapes=shapes)
    parts = [op for op in program.graph.ops if op.kind is Kind.COMPUTE]
    assert [op.type for op in parts] == STACKS[kind][2]
    whole = f"rnn:{parts[0].type}:0"
    held = user_pins(program.graph, Pins(names={whole: "pins"}))
    assert {op.id for op in parts} <= set(held)
    every, none = tools.all_low(program), tools.all_fp32(program)
    with torch.no_grad():
        expected = tools.leaves(model(x))
        found = tools.leaves(program.apply(none)(x))
        assert all(map(torch.equal, expected, found))
        for part in parts:
            mixed = {**every, part.id: Precision.FP32}
            path = program.save(program.apply(mixed), tmp_path / "stack.pt2")
            loaded = torch.export.load(path).module()
            assert tools.error(model(longer), loaded(longer)) < 0.02
            low = [
                node.args[2][0].meta["val"].dtype
                for node in loaded.graph.nodes
                if str(node.target).split(".")[1:2] == [parts[0].type]
            ]
            assert low == [
                torch.bfloat16 if op is not part else torch.float32 for op in parts
            ]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", ["gru", "rnn_tanh", "lstm"])
def test_steps_are_contiguous_and_fp32_weights_lie_as_they_are_read(
    tools: Any, kind: str, layers: int
) -> None:
    layer, _options = LAYERS[kind]
    torch.manual_seed(0)
    model = nn.Sequential(layer(8, 16, layers, batch_first=True))
    x = torch.randn(5, 4, 8)
    program = tools.trace(model, x, shapes=[("batch", "length", 8)])
    seen = []

    class Watching(torch.fx.Interpreter):
        def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
            if len(args) == 9:
                weight = args[2][0]
                rows = weight.is_contiguous()
                seen.append((args[0].is_contiguous(), weight.dtype, rows))
            return super().call_function(target, args, kwargs)

    for placement, dtype in (
        (tools.all_fp32(program), torch.float32),
        (tools.all_low(program), torch.bfloat16),
    ):
        seen.clear()
        with torch.no_grad():
            Watching(program.apply(placement)).run(x)
        rows = kind == "lstm" or dtype != torch.float32
        assert seen == [(True, dtype, rows)] * layers
