"""Branches and loops: what is in them is placed, converted and saved as all else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import fx, nn
from torch._higher_order_ops.map import map as map_
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop

from narrowcast.runtime.frameworks.pytorch.ir import nodes
from narrowcast.runtime.frameworks.pytorch.running.interpreter import Interpreter
from narrowcast.runtime.graph.graph import Precision, held
from narrowcast.runtime.graph.pins import Pins, user_pins

FP32, BF16 = Precision.FP32, Precision.BF16
DTYPES = {FP32: torch.float32, BF16: torch.bfloat16}
YES, NO = torch.tensor(True), torch.tensor(False)


class Branches(nn.Module):
    """A weight in both branches and outside, a folded norm, an operand that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.dense, self.head = (nn.Linear(8, 8) for _ in range(3))
        self.conv, self.norm = nn.Conv1d(1, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x: torch.Tensor, yes: torch.Tensor, n: torch.Tensor) -> Any:
        def true(v: torch.Tensor, k: torch.Tensor) -> Any:
            return torch.relu_(self.shared(self.dense(v))) + torch.ones(8), k + 1

        def false(v: torch.Tensor, k: torch.Tensor) -> Any:
            return self.norm(self.conv(v.unsqueeze(1))).mean(1) * self.shared(v), k * 2

        z, k = torch.cond(yes, true, false, (self.shared(x), n))
        return self.head(z), k


class Loop(nn.Module):
    """As many steps as an input says, and a branch in each."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.step, self.odd = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: torch.Tensor, n: torch.Tensor) -> torch.Tensor:
        def goes_on(i: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return (i < n) & (v.abs().amax() < 1e3)

        def body(i: torch.Tensor, v: torch.Tensor) -> Any:
            w = torch.cond(
                i % 2 == 1, self.odd, lambda u: self.start(u).tanh(), (self.step(v),)
            )
            return i + 1, v + w

        return while_loop(goes_on, body, (torch.tensor(0), self.start(x)))[1]


class Recurrent(nn.Module):
    """A recurrent layer in a branch, by its function: modules don't export there."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.LSTM(4, 4, batch_first=True).parameters())
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def true(v: torch.Tensor) -> torch.Tensor:
            zero = v.new_zeros(1, v.shape[0], 4)
            weights = list(self.weights)
            y, h, _c = torch.lstm(
                v, (zero, zero), weights, True, 1, 0.0, False, False, True
            )
            return y.sum(1) * h[-1]

        return torch.cond(x.sum() > 0, true, lambda v: self.fc(v).sin().sum(1), (x,))


X = torch.linspace(-1, 1.1, 24).reshape(3, 8)
SHAPES = {
    "branches": [("batch", 8), (), ()],
    "loop": [("batch", 8), ()],
    "recurrent": [("batch", 5, 4)],
}
MODELS = {"branches": Branches, "loop": Loop, "recurrent": Recurrent}
BATCHES = {
    "branches": [(X, YES, torch.tensor(3)), (X[:2], NO, torch.tensor(4))],
    "loop": [(X, torch.tensor(3)), (X[:2], torch.tensor(0)), (X, torch.tensor(6))],
    "recurrent": [
        (X[:, :5, None] + torch.ones(4),),
        (X[:2, :5, None] - torch.ones(4),),
    ],
}
"""The first is traced on; the others take other branches, and other numbers of steps."""

HEAVY = {
    "branches": ["dense", "shared", "conv"],
    "loop": ["start", "step", "odd"],
    "recurrent": ["fc", "weights"],
}


@pytest.fixture(scope="module", params=MODELS)
def traced(request: pytest.FixtureRequest, tools: Any) -> Any:
    """Name, model and program."""
    torch.manual_seed(0)
    name = request.param
    model = MODELS[name]().eval()
    return name, model, tools.trace(model, *BATCHES[name][0], shapes=SHAPES[name])


def test_ops_in_bodies_are_ops_of_the_graph(tools: Any, traced: Any) -> None:
    name, _model, program = traced
    ops = program.graph.ops
    assert len(program.graph.by_id) == len(ops)
    inside = [op for op in ops if op.region and op.type != "region"]
    assert all(op.id.startswith(f"{op.region}/") for op in inside)
    assert {op.region for op in inside} <= set(program.graph.by_id)
    heavy = [op for op in inside if op.kind == "compute"]
    assert {op.scope for op in heavy} == set(HEAVY[name])
    assert all(op.flops > 0 and op.kernel(BF16) for op in heavy)
    low = tools.all_low(program)
    assert {op.id for op in ops if op.kind == "compute" and low[op.id] == FP32} == set()


def test_ids_name_the_body_and_count_within_it(tools: Any) -> None:
    program = tools.trace(
        Branches(), *BATCHES["branches"][0], shapes=SHAPES["branches"]
    )
    assert [op.id for op in program.graph.ops] == [
        "shared:linear:0",
        ":cond:0/true",
        ":cond:0/true/dense:linear:0",
        ":cond:0/true/shared:linear:0",
        ":cond:0/true/:relu:0",
        ":cond:0/true/:add:0",
        ":cond:0/true/:add:1",
        ":cond:0/false",
        ":cond:0/false/:unsqueeze:0",
        ":cond:0/false/conv:conv1d:0",
        ":cond:0/false/:mean:0",
        ":cond:0/false/shared:linear:0",
        ":cond:0/false/:mul:0",
        ":cond:0/false/:mul:1",
        ":cond:0",
        "head:linear:0",
    ]
    conv = program.graph.by_id[":cond:0/false/conv:conv1d:0"]
    assert conv.absorbed == (":cond:0/false/norm:batch_norm:0",)
    assert conv.absorbed_scopes == ("norm",)


class Watcher(Interpreter):
    """Keeps the dtypes that each op takes and makes, wherever it runs."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.seen: dict[str, tuple[list[torch.dtype], set[torch.dtype]]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if nodes.is_op(n):
            taken = [
                self.env[k].dtype
                for k in torch.utils._pytree.tree_leaves(
                    [argument for _name, argument in nodes.arguments(n)]
                )
                if isinstance(k, fx.Node) and isinstance(self.env[k], torch.Tensor)
            ]
            made = torch.utils._pytree.tree_leaves(value)
            self.seen[n.name] = taken, {t.dtype for t in made if hasattr(t, "dtype")}
        return value


@st.composite
def placements(draw: st.DrawFn, graph: Any) -> dict[str, Precision]:
    """Any precision that an op has a kernel for."""
    return {
        op.id: draw(st.sampled_from([FP32, BF16])) if op.kernel(BF16) else FP32
        for op in graph.ops
    }


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_ops_compute_and_borders_stay_as_the_placement_says(
    tools: Any, traced: Any, data: st.DataObject
) -> None:
    name, model, program = traced
    graph = program.graph
    placement = data.draw(placements(graph))
    made = held(graph, placement)
    converted = program.apply(placement)
    for batch in BATCHES[name]:
        watcher = Watcher(converted)
        with torch.inference_mode():
            found = watcher.run(*batch)
        for op in graph.ops:
            if op.key not in watcher.seen or op.type in ("cond", "while_loop"):
                continue
            taken, given_ = watcher.seen[op.key]
            slots = [slot for slot in op.inputs if slot.tensor is not None]
            for slot, dtype in zip(slots, taken, strict=True):
                if graph.tensors[slot.tensor].floating:
                    assert dtype == DTYPES[placement[op.id] if slot.castable else FP32]
            wanted = {made[n].dtype for n in graph.carried(op)}
            assert wanted <= {str(d).removeprefix("torch.") for d in given_}, op.id
        with torch.inference_mode():
            expected = model(*batch)
        assert tools.error(expected, found) < 0.1


def test_weights_are_stored_once_and_never_cast(tools: Any, traced: Any) -> None:
    _name, _model, program = traced
    graph = program.graph
    for placement in (
        tools.all_low(program),
        tools.all_low(program, pins=[op.id for op in graph.ops if op.region][::2]),
    ):
        wanted = set()
        for op in graph.ops:
            for slot in op.inputs:
                tensor = graph.tensors[slot.tensor]
                if tensor.constant and tensor.floating:
                    precision = placement[op.id] if slot.castable else FP32
                    wanted.add((tensor.name, precision))
        converted = program.apply(placement)
        stored = [v for v in converted.state_dict().values() if v.is_floating_point()]
        assert sorted((v.numel(), str(v.dtype)) for v in stored) == sorted(
            (graph.tensors[n].elements, str(DTYPES[p])) for n, p in wanted
        )


def test_a_pin_by_module_or_type_holds_in_branches(tools: Any) -> None:
    program = tools.trace(
        Branches(), *BATCHES["branches"][0], shapes=SHAPES["branches"]
    )

    def pinned(**pins: Any) -> set[str]:
        return set(user_pins(program.graph, Pins(**pins)))

    true, false = ":cond:0/true/", ":cond:0/false/"
    shared = {f"{place}shared:linear:0" for place in ("", true, false)}
    assert pinned(names={"shared": ""}) == shared
    assert pinned(names={"norm": ""}) == {f"{false}conv:conv1d:0"}
    assert pinned(names={f"{true}shared:linear:0": ""}) == {f"{true}shared:linear:0"}
    assert pinned(names={"shared:linear:0": ""}) == shared
    linear = {*shared, f"{true}dense:linear:0", "head:linear:0"}
    assert pinned(types={"Linear": ""}) == linear
    in_true = {op.id for op in program.graph.ops if op.id.startswith(":cond:0/true")}
    assert pinned(names={":cond:0/true": ""}) == in_true
    inside = {op.id for op in program.graph.ops if op.region}
    assert pinned(types={"cond": ""}) == {":cond:0", *inside}


FRESH = """
import sys, torch
folder = sys.argv[1]
for name, batches in torch.load(f"{folder}/batches.pt").items():
    program = torch.export.load(f"{folder}/{name}.pt2")
    module = program.module()
    with torch.inference_mode():
        outputs = [module(*batch) for batch in batches]
    dtypes = {key: value.dtype for key, value in program.state_dict.items()}
    torch.save((outputs, dtypes), f"{folder}/{name}.out")
"""


@pytest.fixture(scope="module")
def saved(tools: Any, python: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Name → model, program, and what its file made of each batch in a fresh process."""
    folder = tmp_path_factory.mktemp("saved")
    torch.manual_seed(0)
    programs = {}
    for name, kind in MODELS.items():
        model = kind().eval()
        program = tools.trace(model, *BATCHES[name][0], shapes=SHAPES[name])
        program.save(program.apply(tools.all_low(program)), folder / f"{name}.pt2")
        programs[name] = model, program
    torch.save(BATCHES, folder / "batches.pt")
    done = python("-c", FRESH, folder)
    assert done.returncode == 0, done.stderr
    return {
        name: (*both, *torch.load(folder / f"{name}.out"), folder / f"{name}.pt2")
        for name, both in programs.items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_the_saved_file_takes_either_branch_in_a_fresh_process(
    tools: Any, saved: Any, name: str
) -> None:
    model, program, outputs, dtypes, _path = saved[name]
    for batch, found in zip(BATCHES[name], outputs, strict=True):
        with torch.inference_mode():
            expected = model(*batch)
        pairs = zip(tools.leaves(expected), tools.leaves(found), strict=True)
        assert all(a.dtype == b.dtype and a.shape == b.shape for a, b in pairs)
        assert 1e-4 < tools.error(expected, found) < 0.02
    assert {key for key, dtype in dtypes.items() if dtype == torch.float32} == set()
    floats = [t for t in program.graph.tensors.values() if t.constant and t.floating]
    assert sum(dtype.is_floating_point for dtype in dtypes.values()) == len(floats)


class Folded(nn.Module):
    """Branches that return a copy, or what folding makes a constant; no operands."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.fc = nn.Parameter(torch.randn(8, 8)), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turned = self.w.t() + 0
        y = torch.cond(x.sum() > 0, lambda v: v.clone(), lambda v: v @ turned, (x,))
        return self.fc(y) @ torch.cond(
            x.sum() > 0, lambda: self.w * 2, lambda: self.w @ self.w, ()
        )


class Image(nn.Module):
    """A convolution with a norm in one branch, one in a loop, one before and in both."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Conv2d(4, 4, 3, padding=1) for _ in "123")
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x).relu()
        y = torch.cond(
            x.sum() > 0,
            lambda v: self.norm(self.two(v)),
            lambda v: self.one(v).flatten(2).tanh().view(v.shape),
            (y,),
        )
        return while_loop(
            lambda i, v: i < 2,
            lambda i, v: (i + 1, v + self.three(v)),
            (torch.tensor(0), y),
        )[1].flatten(1)


class State(nn.Module):
    """A weight that a loop starts from and changes, beside one that it only reads."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.fc = nn.Parameter(torch.randn(3, 8)), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return while_loop(
            lambda i, h: i < 3,
            lambda i, h: (i + 1, torch.tanh(self.fc(h) + x)),
            (torch.tensor(0), self.start),
        )[1]


class Scanned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> Any:
        def step(h: torch.Tensor, t: torch.Tensor) -> Any:
            new = torch.tanh(self.fc(h) + t)
            return new, self.out(new)

        return scan(step, torch.zeros(8), x, dim=0)


class Mapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return map_(lambda row, w: self.fc(row) + w, x, torch.ones(8))


@pytest.mark.parametrize(
    ("kind", "shape", "heavy", "matrices"),
    [
        (Folded, ("batch", 8), 3, 4),
        (Image, ("batch", 4, 6, 6), 4, 3),
        (State, (3, 8), 1, 2),
        (Scanned, (3, 8), 2, 2),
        (Mapped, ("batch", 8), 1, 1),
    ],
)
def test_other_forms_are_converted_saved_and_right(
    tools: Any, tmp_path: Path, kind: Any, shape: Any, heavy: int, matrices: int
) -> None:
    torch.manual_seed(0)
    model = kind().eval()
    x = torch.rand([3 if size == "batch" else size for size in shape])
    program = tools.trace(model, x, shapes=[shape])
    placement = tools.all_low(program)
    ops = [op for op in program.graph.ops if op.kind == "compute"]
    assert len(ops) == heavy
    assert {placement[op.id] for op in ops} == {BF16}
    converted = program.apply(placement)
    stored = [v for v in converted.state_dict().values() if v.dim() > 1]
    assert len(stored) == matrices
    path = program.save(converted, tmp_path / "model.pt2")
    reloaded = torch.export.load(path).module()
    for batch in (x, -x):
        with torch.inference_mode():
            assert tools.error(model(batch), reloaded(batch)) < 0.02


def test_saving_twice_gives_the_same_bytes(
    tools: Any, saved: Any, tmp_path: Path
) -> None:
    _model, program, _outputs, _dtypes, path = saved["loop"]
    again = program.save(program.apply(tools.all_low(program)), tmp_path / "again.pt2")
    assert again.read_bytes() == path.read_bytes()
