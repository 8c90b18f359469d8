"""What a spec or a caller may give as the model, through the real generated script."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")
CAST = torch.ops.aten._to_copy.default
X = Input("x", ("batch", 4), "float32")


class Net(nn.Module):
    """Two layers with a norm, dropout and a name for each op's place."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout())
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(torch.relu(self.body(x)))
        return found


def net() -> Net:
    torch.manual_seed(0)
    made = Net()
    made(torch.randn(32, 4))  # gives the norm statistics of its own
    return made.eval()


def export(
    path: Path, model: nn.Module, *inputs: torch.Tensor, dynamic: Any = None
) -> Path:
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in inputs) if dynamic is None else dynamic
    program = torch.export.export(model, inputs, dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


SPEC = """
model:
  name: net
  framework: pytorch
  path: net.pt2
  inputs: [{name: x, shape: [batch, 4]}]
mixed_precision: {precisions: bf16}
"""


# Exported programs


def test_a_program_has_the_outputs_and_ids_of_its_module(
    tmp_path: Path,
) -> None:
    """So that pins and plans fit both forms."""
    model, x = net(), torch.randn(5, 4)
    path = export(tmp_path / "net.pt2", model, torch.randn(2, 4))
    program = pytorch.open_pt2(path, (X,))
    assert torch.equal(program.module()(x), model(x))
    ids = [
        [
            op.id
            for op in pytorch.trace(m, (x,), low=Precision.BF16, inputs=(X,)).graph.ops
        ]
        for m in (model, program.module())
    ]
    assert ids[0] == ids[1] != []
    assert "body.0:linear:0" in ids[0]


def test_a_program_is_converted_from_a_spec(
    python: Any, tools: Any, tmp_path: Path
) -> None:
    model = net()
    export(tmp_path / "net.pt2", model, torch.randn(2, 4))
    (tmp_path / "net.yaml").write_text(SPEC)
    done = python("-m", "narrowcast", "run", "net.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    saved = torch.export.load(tmp_path / "net.bf16.pt2")
    assert {w.dtype for w in saved.state_dict.values()} == {torch.bfloat16}
    x = torch.randn(7, 4)
    with torch.no_grad():
        assert 0 < tools.error(model(x), saved.module()(x)) < 0.03
    plan = (tmp_path / "net.plan.json").read_text()
    assert '"net.pt2"' in plan


class Two(nn.Module):
    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return ids * mask


class Nested(nn.Module):
    def forward(
        self, d: dict[str, torch.Tensor], pair: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        return d["a"] + pair[0] * pair[1]


def ids(*shape: int | str, name: str = "ids", dtype: str = "int64") -> Input:
    return Input(name, shape, dtype)


def mask(*shape: int | str, name: str = "mask", dtype: str = "float32") -> Input:
    return Input(name, shape, dtype)


MISFITS: list[tuple[str, tuple[Input, ...], str, str]] = [
    ("number", (ids("batch", 4),), "takes 2 inputs (`ids`, `mask`)", "Name them all"),
    (
        "name",
        (ids("batch", 4), mask("batch", 4, name="msk")),
        "takes `ids`, `mask`; model.inputs names `msk`",
        "own names",
    ),
    (
        "dtype",
        (ids("batch", 4, dtype="int32"), mask("batch", 4)),
        "takes `ids` as int64, model.inputs says int32",
        "dtype: int64",
    ),
    (
        "rank",
        (ids("batch", 4), mask("batch")),
        "takes `mask` in 2 dimensions",
        "Write the shape",
    ),
    (
        "size",
        (ids("batch", 4), mask("batch", 5)),
        "takes `mask` with dimension 1 fixed to 4; model.inputs says 5",
        "Write 4",
    ),
    (
        "fixed",
        (ids("batch", "length"), mask("batch", 4)),
        "takes `ids` with dimension 1 fixed to 4; model.inputs lets it vary (`length`)",
        "dynamic_shapes={'ids': {1: torch.export.Dim('length')}}",
    ),
    (
        "one size",
        (ids("batch", 4), mask("rows", 4)),
        "with one size; model.inputs calls it `batch` and `rows`",
        "Write `batch`",
    ),
]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("two") / "two.pt2"
    return export(path, Two(), torch.ones(2, 4, dtype=torch.int64), torch.ones(2, 4))


@pytest.mark.parametrize(
    ("inputs", "message", "remedy"),
    [row[1:] for row in MISFITS],
    ids=[row[0] for row in MISFITS],
)
def test_inputs_that_a_program_does_not_take_are_one_message(
    two: Path, inputs: tuple[Input, ...], message: str, remedy: str
) -> None:
    with pytest.raises(ModelError) as caught:
        pytorch.open_pt2(two, inputs)
    assert caught.value.message.startswith("model.path: two.pt2 ")
    assert message in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "inputs",
    [
        (ids("batch", 4), mask("batch", 4)),
        (mask("batch", 4), ids("batch", 4)),
        (ids("n", 4, name="first"), mask("n", 4, name="second")),
        (ids(2, 4), mask(2, 4)),
    ],
    ids=["by name", "in another order", "by position", "a fixed size"],
)
def test_inputs_go_by_name_or_by_position(two: Path, inputs: tuple[Input, ...]) -> None:
    assert pytorch.open_pt2(two, inputs).graph_signature.user_inputs == ("ids", "mask")


def test_parts_of_an_argument_have_paths(tmp_path: Path) -> None:
    x = torch.ones(2, 4)
    program = torch.export.export(Nested(), ({"a": x}, (x.clone(), x.clone())))
    torch.export.save(program, tmp_path / "net.pt2")
    names = ("d.a", "pair.0", "pair.1")
    opened = pytorch.open_pt2(
        tmp_path / "net.pt2", [Input(name, (2, 4), "float32") for name in names]
    )
    predict = pytorch.predictor(opened.module())
    assert predict((x, 2 * x, 3 * x))[0].tolist() == [[7.0] * 4] * 2


class Attending(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = x.view(-1, 1, 2, 2)
        return nn.functional.scaled_dot_product_attention(q, q, q, dropout_p=0.1)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.Dropout()), "dropout of `1`"),
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), "batch_norm of `1`"),
        (Attending(), "scaled_dot_product_attention of `the model`"),
    ],
    ids=["dropout", "batch norm", "attention"],
)
def test_a_program_in_training_mode_is_refused(
    tmp_path: Path, model: nn.Module, named: str
) -> None:
    path = export(tmp_path / "net.pt2", model.train(), torch.randn(2, 4))
    with pytest.raises(ModelError, match="was exported in training mode") as caught:
        pytorch.open_pt2(path, (X,))
    assert named in caught.value.message
    assert ".eval()" in caught.value.remedy


def test_what_is_off_in_training_mode_is_not_refused(tmp_path: Path) -> None:
    """No statistics of its own, a probability of 0: the same as in evaluation."""
    norm = nn.BatchNorm1d(4, track_running_stats=False)
    model = nn.Sequential(norm, nn.Dropout(0.0)).train()
    path = export(tmp_path / "net.pt2", model, torch.randn(2, 4))
    assert pytorch.open_pt2(path, (X,))


def test_a_program_is_put_on_the_device_that_is_asked_for(tmp_path: Path) -> None:
    """One that was exported on a GPU opens where there is none; `meta` stands in."""
    path = export(tmp_path / "net.pt2", net(), torch.randn(2, 4))
    moved = tmp_path / "moved.pt2"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(moved, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".json"):
                text = json.dumps(json.loads(data))
                cpu = '{"type": "cpu", "index": null}'
                data = text.replace(cpu, '{"type": "cuda", "index": 0}').encode()
            new.writestr(name, data)
    program = pytorch.open_pt2(moved, (X,))
    assert {w.device.type for w in program.state_dict.values()} == {"cpu"}
    assert torch.equal(program.module()(torch.ones(2, 4)), net()(torch.ones(2, 4)))


def other_files(folder: Path) -> list[tuple[Path, str, str]]:
    """Files that are no exported programs, what they are, and the way out."""
    scripted = io.BytesIO()
    torch.jit.save(torch.jit.trace(net(), torch.ones(2, 4)), scripted)
    weights = io.BytesIO()
    torch.save(net().state_dict(), weights)
    old = io.BytesIO()
    torch.save(net().state_dict(), old, _use_new_zipfile_serialization=False)
    return [
        (folder / "missing.pt2", f"does not exist ({folder}", "relative to the spec"),
        *(
            (made(folder / f"{name}.pt2", data), message, remedy)
            for name, data, message, remedy in (
                ("scripted", scripted.getvalue(), "TorchScript", "model.factory"),
                ("weights", weights.getvalue(), "written by torch.save", "factory"),
                ("old", old.getvalue(), "a pickle, not a zip archive", ""),
                ("text", b"hello", "not a zip archive", ""),
                ("empty", b"", "empty", ""),
            )
        ),
    ]


def made(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_files_of_other_kinds_get_the_way_out(tmp_path: Path) -> None:
    for path, message, remedy in other_files(tmp_path):
        with pytest.raises(ModelError) as caught:
            pytorch.open_pt2(path, (X,))
        assert message in caught.value.message, path
        assert caught.value.message.startswith(f"model.path: {path.name} ")
        assert remedy in caught.value.remedy, path


Script = Callable[..., tuple[int, str]]


def test_the_script_says_it_and_writes_nothing(script: Script, tmp_path: Path) -> None:
    scripted = torch.jit.trace(net(), torch.ones(2, 4))
    torch.jit.save(scripted, tmp_path / "net.pt2")
    code, err = script(SPEC)
    assert code == 2
    assert "error[NC403]: model.path: net.pt2 is a TorchScript archive" in err
    assert "Traceback" not in err
    left = {each.name for each in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"net.pt2", "convert_net.py"}


# Module objects


class Shifted(nn.Module):
    """Its output is moved by a hook on a part."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.fc.register_forward_hook(lambda _module, _inputs, output: output + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * self.fc(x)


def partly_training() -> nn.Module:
    model = net()
    model.body[1].train()
    model.body[2].train()
    return model


def normalised() -> nn.Module:
    model = net()
    nn.utils.parametrizations.weight_norm(model.head)
    return model


def normalised_by_a_hook() -> nn.Module:
    model = net()
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(model.head)
    return model


def as_program() -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch")
    x = torch.randn(2, 4)
    return torch.export.export(net(), (x,), dynamic_shapes=({0: batch},))


OBJECTS: list[tuple[str, Callable[[], Any]]] = [
    ("with gradients", lambda: net().requires_grad_(True)),
    ("without gradients", lambda: net().requires_grad_(False)),
    ("in training mode", lambda: net().train()),
    ("partly in training mode", partly_training),
    ("with a hook", lambda: Shifted().eval()),
    ("parametrised", normalised),
    ("old weight norm", normalised_by_a_hook),
    ("compiled", lambda: torch.compile(net())),
    ("data parallel", lambda: nn.DataParallel(net())),
    ("compiled data parallel", lambda: torch.compile(nn.DataParallel(net()))),
    ("exported", lambda: as_program().module()),
    ("a program", as_program),
]


def state(model: Any) -> dict[str, Any]:
    """What a caller could see changed: numbers, gradients' flags, modes."""
    if not isinstance(model, nn.Module):
        return {}
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    return {
        **{k: (v.clone(), v.requires_grad, id(v)) for k, v in tensors.items()},
        **{f"{k}.": m.training for k, m in model.named_modules()},
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    def equal(a: Any, b: Any) -> bool:
        return (
            torch.equal(a[0], b[0]) and a[1:] == b[1:] if type(a) is tuple else a == b
        )

    return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize(
    "make", [row[1] for row in OBJECTS], ids=[r[0] for r in OBJECTS]
)
def test_a_module_object_is_converted_and_left_as_it_was(
    tools: Any, make: Callable[[], Any]
) -> None:
    model, x = make(), torch.randn(8, 4)
    before = state(model)
    expected = torch.from_numpy(pytorch.predictor(model)((x,))[0])
    program = pytorch.trace(model, (x,), low=Precision.BF16, inputs=[X])
    converted = program.apply(tools.all_low(program))
    assert CAST in {node.target for node in converted.graph.nodes}
    assert 0 < tools.error(expected, converted(x)) < 0.03
    assert torch.allclose(
        program.apply(tools.all_fp32(program))(x), expected, atol=1e-5
    )
    assert same(before, state(model))


def test_training_mode_is_restored_when_tracing_fails() -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    model = Branching().train()
    with pytest.raises(ModelError):
        pytorch.trace(model, (torch.ones(2, 4),), low=Precision.BF16, inputs=[X])
    assert model.training


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return Net().eval()


def training_program() -> torch.export.ExportedProgram:
    return torch.export.export(net().train(), (torch.randn(2, 4),))


@pytest.mark.parametrize(
    ("make", "message", "remedy"),
    [
        (lambda: torch.jit.trace(net(), torch.ones(2, 4)), "TorchScript", "nn.Module"),
        (lambda: torch.compile(torch.jit.trace(net(), torch.ones(2, 4))), "Torch", ""),
        (on_meta, "`body.0.weight` of the model is on the meta device", "to_empty"),
        (training_program, "batch_norm of `body.1` is active", ".eval()"),
        (lambda: nn.LazyLinear(3), "`weight` of the model has no shape yet", "once"),
        (lambda: Net, "the model is the class Net, not a torch.nn.Module", "factory"),
        (lambda: {"net": net()}, "the model is dict", "factory"),
        (lambda: None, "the model is NoneType", "factory"),
    ],
    ids=[
        "scripted",
        "compiled script",
        "meta",
        "training",
        "lazy",
        "class",
        "dict",
        "none",
    ],
)
def test_an_object_that_is_no_whole_module_is_one_message(
    make: Callable[[], Any], message: str, remedy: str
) -> None:
    with pytest.raises(ModelError) as caught:
        pytorch.trace(make(), (torch.ones(2, 4),), low=Precision.BF16, inputs=[X])
    assert message in caught.value.message
    assert remedy in caught.value.remedy
