"""A placement becomes a model that computes in exactly those precisions."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import fx, nn
from torch.nn import functional as F

from narrowcast.runtime.frameworks.pytorch.ir import nodes
from narrowcast.runtime.graph.graph import Precision, casts, held

FP32, BF16 = Precision.FP32, Precision.BF16
DTYPES = {FP32: torch.float32, BF16: torch.bfloat16}


class Residual(nn.Module):
    """Convolutions with folded and unfolded norms around a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.two, self.late = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm(self.one(x)), inplace=True)
        y = F.relu(self.late(y + self.two(y)))
        return self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1))


class Attention(nn.Module):
    """Both ways to attend, softmax with a dtype of its own, a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = (
            nn.LayerNorm(8),
            nn.Linear(8, 24),
            nn.Linear(8, 8),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        mask = torch.ones(5, 5, dtype=torch.bool).tril()
        scores = (q @ k.mT / 8**0.5).masked_fill(~mask, float("-inf"))
        weights = F.softmax(scores, -1, dtype=torch.float32).to(v.dtype)
        y = weights @ v
        y = y + F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return x + self.out(y)


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 3)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).log_softmax(-1)


class Several(nn.Module):
    """Outputs of several dtypes, one of them twice, one an input."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        hidden = self.fc(x).tanh()
        values, indices = self.head(hidden).sort(-1)
        return {
            "top": (values, indices),
            "hidden": hidden,
            "again": hidden,
            "input": x,
            "wide": hidden.double().sum(),
            "class": values.argmax(-1),
        }


class Shared(nn.Module):
    """A weight that two ops use, tied to an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(10, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 10, bias=False)
        self.head.weight = self.table.weight

    def forward(self, i: torch.Tensor) -> torch.Tensor:
        return self.head(self.fc(self.fc(self.table(i))).relu())


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.gru, self.fc = nn.GRU(10, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y, (h, c) = self.lstm(x)
        y, last = self.gru(y)
        return self.fc(y), h + c, last


MODELS = {
    "residual": (Residual, lambda: torch.randn(2, 3, 6, 6)),
    "attention": (Attention, lambda: torch.randn(2, 5, 8)),
    "perceptron": (Perceptron, lambda: torch.randn(7, 6)),
    "several": (Several, lambda: torch.randn(3, 4)),
    "shared": (Shared, lambda: torch.randint(0, 10, (3, 5))),
    "recurrent": (Recurrent, lambda: torch.randn(2, 6, 4)),
}


@pytest.fixture(scope="module", params=MODELS)
def traced(request: pytest.FixtureRequest, tools: Any) -> Any:
    """A model, its input and its traced program."""
    torch.manual_seed(0)
    kind, batch = MODELS[request.param]
    model, x = kind().eval(), batch()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model, x, tools.trace(model, x)


@st.composite
def placements(draw: st.DrawFn, graph: Any) -> dict[str, Precision]:
    """Any precision that an op has a kernel for."""
    able = [op for op in graph.ops if op.kernel(BF16)]
    low = draw(st.lists(st.booleans(), min_size=len(able), max_size=len(able)))
    chosen = {op.id for op, is_low in zip(able, low, strict=True) if is_low}
    return {op.id: BF16 if op.id in chosen else FP32 for op in graph.ops}


def random_placements(test: Any) -> Any:
    """Thirty placements of each model, the same in each run."""
    options = settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    return options(given(data=st.data())(test))


class Watcher(fx.Interpreter):
    """Runs a converted model and keeps what went into and came out of each op."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.seen: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = []

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if nodes.is_op(n) and not is_cast(n) and not nodes.is_fill(n):
            taken = [
                self.env[k] for k in leaves(n) if isinstance(self.env[k], torch.Tensor)
            ]
            self.seen.append((taken, tensors(value)))
        return value


def is_cast(node: fx.Node) -> bool:
    return node.target is torch.ops.aten._to_copy.default


def leaves(node: fx.Node) -> list[fx.Node]:
    """Node arguments in order, each as often as it is taken."""
    names = [value for _name, value in nodes.arguments(node)]
    return [n for n in torch.utils._pytree.tree_leaves(names) if isinstance(n, fx.Node)]


def tensors(value: Any) -> list[torch.Tensor]:
    return [
        t for t in torch.utils._pytree.tree_leaves(value) if isinstance(t, torch.Tensor)
    ]


@random_placements
def test_every_op_computes_in_the_precision_it_is_placed_in(
    traced: Any, data: st.DataObject
) -> None:
    _model, x, program = traced
    graph = program.graph
    placement = data.draw(placements(graph))
    made = held(graph, placement)
    watcher = Watcher(program.apply(placement))
    with torch.no_grad():
        watcher.run(x)
    # Zeros are a constant: made where they are used, in the precision used there.
    ops = [op for op in graph.ops if op.type != "zeros"]
    assert len(watcher.seen) == len(ops)
    for op, (taken, given_) in zip(ops, watcher.seen, strict=True):
        slots = [slot for slot in op.inputs if slot.tensor is not None]
        assert len(taken) == len(slots), op.id
        for slot, value in zip(slots, taken, strict=True):
            if graph.tensors[slot.tensor].floating:
                wanted = placement[op.id] if slot.castable else FP32
                assert value.dtype == DTYPES[wanted], (op.id, slot)
        dtypes = {str(value.dtype).removeprefix("torch.") for value in given_}
        assert {
            made[name].dtype if name in made else graph.tensors[name].dtype
            for name in op.outputs
        } <= dtypes, op.id


@random_placements
def test_there_are_exactly_the_casts_that_the_placement_needs(
    traced: Any, data: st.DataObject
) -> None:
    _model, _x, program = traced
    placement = data.draw(placements(program.graph))
    converted = program.apply(placement)
    found = Counter(
        (n.args[0].name, n.kwargs["dtype"]) for n in converted.graph.nodes if is_cast(n)
    )
    assert len(found) == sum(found.values()), "a cast is made twice"
    assert len(found) == len(casts(program.graph, placement))
    targets = Counter(dtype for _name, dtype in found)
    assert targets == Counter(
        DTYPES[cast.target] for cast in casts(program.graph, placement)
    )


@random_placements
def test_outputs_keep_their_dtypes_and_structure(
    traced: Any, data: st.DataObject
) -> None:
    model, x, program = traced
    converted = program.apply(data.draw(placements(program.graph)))
    with torch.no_grad():
        expected, found = model(x), converted(x)
    assert type(found) is type(expected)
    structure = torch.utils._pytree.tree_structure
    assert structure(found) == structure(expected)
    for a, b in zip(tensors(expected), tensors(found), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)


@random_placements
def test_a_weight_is_stored_in_the_precisions_of_the_ops_that_use_it(
    traced: Any, data: st.DataObject
) -> None:
    _model, _x, program = traced
    graph = program.graph
    placement = data.draw(placements(graph))
    wanted: set[tuple[str, Precision]] = set()
    for op in graph.ops:
        for slot in op.inputs:
            tensor = graph.tensors[slot.tensor]
            made = slot.tensor in graph.producer
            if tensor.constant and tensor.floating and not made:
                wanted.add((slot.tensor, placement[op.id] if slot.castable else FP32))
    expected = Counter((graph.tensors[n].shape, DTYPES[p]) for n, p in wanted)
    stored = program.apply(placement).state_dict().values()
    floats = [w for w in stored if w.dtype in DTYPES.values()]
    assert Counter((tuple(w.shape), w.dtype) for w in floats) == expected


def test_everything_in_fp32_is_the_prepared_graph_bit_for_bit(
    tools: Any, traced: Any
) -> None:
    _model, x, program = traced
    converted = program.apply(tools.all_fp32(program))
    assert not any(map(is_cast, converted.graph.nodes))
    # On some CPUs torch's linear takes another kernel for weights that require
    # gradients, which differs in the last bit: here too none does, as none converted.
    held = [w for w in program.prepared.module.parameters() if w.requires_grad]
    for weight in held:
        weight.requires_grad_(False)
    with torch.no_grad():
        expected = tensors(program.prepared.module(x))
    for weight in held:
        weight.requires_grad_(True)
    with torch.no_grad():
        pairs = zip(expected, tensors(converted(x)), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_everything_low_errs_about_as_much_as_a_model_in_bf16(
    tools: Any, traced: Any
) -> None:
    model, x, program = traced
    placement = tools.all_low(program)
    flops = dict.fromkeys((FP32, BF16), 0)
    for op in program.graph.ops:
        flops[placement[op.id]] += op.flops if op.kind == "compute" else 0
    assert flops[FP32] == 0 < flops[BF16]
    reference = tools.in_fp64(model, x)
    whole = copy.deepcopy(model).bfloat16()
    with torch.no_grad():
        by_hand = whole(x.bfloat16() if x.is_floating_point() else x)
        found = program.apply(placement)(x)
    bound = 1.5 * floats_error(tools, reference, by_hand)
    assert floats_error(tools, reference, found) <= bound


def floats_error(tools: Any, expected: Any, found: Any) -> float:
    pairs = [
        (a, b)
        for a, b in zip(tensors(expected), tensors(found), strict=True)
        if a.is_floating_point()
    ]
    return float(tools.error([a for a, _b in pairs], [b for _a, b in pairs]))


def test_the_users_model_is_left_as_it_was(tools: Any) -> None:
    torch.manual_seed(0)
    model = Residual().eval()
    hooked: list[str] = []
    model.fc.register_forward_hook(lambda *_: hooked.append("fc"))
    before = copy.deepcopy(model.state_dict())
    parameters = [id(p) for p in model.parameters()]
    x = torch.randn(2, 3, 6, 6)
    with torch.no_grad():
        expected = model(x)
    program = tools.trace(model, x)
    converted = program.apply(tools.all_low(program))
    with torch.no_grad():
        converted(x)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert [id(p) for p in model.parameters()] == parameters
    assert all(p.requires_grad for p in model.parameters())
    assert not any(module.training for module in model.modules())
    assert len(model.fc._forward_hooks) == 1
    hooked.clear()
    with torch.no_grad():
        assert torch.equal(model(x), expected)
    assert hooked == ["fc"]


def test_weights_with_names_that_flatten_alike_are_kept_apart(tools: Any) -> None:
    class Alike(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 4)
            self.a_weight = nn.Parameter(torch.randn(4, 4))
            self.a_weight_bf16 = nn.Parameter(torch.randn(4, 4))
            self.a_weight_bfloat16 = nn.Parameter(torch.randn(4, 4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x) @ self.a_weight + x @ self.a_weight.exp()
            return (y @ self.a_weight_bf16) @ self.a_weight_bfloat16 - x @ self.a_weight

    model, x = Alike(), torch.randn(3, 4)
    program = tools.trace(model, x)
    expected = tools.in_fp64(model, x)
    for every in (1, 2, 3):
        placement = {
            op.id: BF16 if k % every == 0 else FP32
            for k, op in enumerate(program.graph.ops)
        }
        with torch.no_grad():
            assert tools.error(expected, program.apply(placement)(x)) < 0.05


def test_kernels_that_widen_by_themselves_need_no_cast_after_them(tools: Any) -> None:
    class Widens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.softmax(self.fc(x), -1, dtype=torch.float32)

    x = torch.randn(3, 4)
    program = tools.trace(Widens(), x)
    softmax = program.graph.by_id[":softmax:0"]
    kernel = softmax.kernel(BF16)
    assert kernel is not None
    assert kernel.output == FP32
    placement = dict.fromkeys(program.graph.by_id, BF16)
    converted = program.apply(placement)
    assert [n.args[0].op for n in converted.graph.nodes if is_cast(n)] == [
        "placeholder"
    ]
    assert converted(x).dtype == torch.float32
