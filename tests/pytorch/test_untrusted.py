"""Files from elsewhere: what would run something is refused, and does not run."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import pickle
import sys
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

INPUTS = (Input("x", ("batch", 4), "float32"),)
PROGRAM = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
SAMPLES = "data/sample_inputs/model.pt"

Members = dict[str, bytes]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.register_buffer("scale", torch.full((3,), 2.0), persistent=False)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": self.fc(x) * self.scale, "size": x.new_ones(x.shape[0] * 2)}


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.marker}'",)


def ran(marker: Path) -> str:
    """Python that writes the file, with no quotes that end another's."""
    return f"__import__('os').system('touch {marker}')"


@pytest.fixture(scope="module")
def members() -> Members:
    """A good archive, as plain torch.export.save writes it, by path in it."""
    torch.manual_seed(0)
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        Net().eval(), (torch.randn(2, 4),), dynamic_shapes=({0: batch},)
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def root(members: Members) -> str:
    return next(iter(members)).partition("/")[0]


def put(members: Members, name: str, data: bytes) -> Members:
    return members | {f"{root(members)}/{name}": data}


def edited(members: Members, name: str, change: Callable[[Any], None]) -> Members:
    """The archive with one of its JSON members changed."""
    content = json.loads(members[f"{root(members)}/{name}"])
    change(content)
    return put(members, name, json.dumps(content).encode())


def graph(program: Any) -> Any:
    return program["graph_module"]["graph"]


def call_of(program: Any, target: str, *arguments: Any) -> None:
    """Let the first node call something else."""
    node = next(n for n in graph(program)["nodes"] if "linear" in n["target"])
    node["target"] = target
    node["inputs"] = [{"name": "", "arg": a, "kind": 1} for a in arguments]


def tree_of(context: Any, kind: str = "builtins.tuple") -> str:
    leaf = {"type": None, "context": None, "children_spec": []}
    return json.dumps([1, {"type": kind, "context": context, "children_spec": [leaf]}])


def signature(program: Any) -> Any:
    return program["graph_module"]["module_call_graph"][0]["signature"]


def pickled_weight(members: Members, marker: Path) -> Members:
    def change(config: Any) -> None:
        config["config"]["fc.weight"]["use_pickle"] = True

    bomb = put(members, "data/weights/weight_0", pickle.dumps(Bomb(marker)))
    return edited(bomb, WEIGHTS, change)


def pickled_constant(members: Members, marker: Path) -> Members:
    def change(config: Any) -> None:
        (entry,) = config["config"].values()
        entry["use_pickle"], entry["path_name"] = True, "opaque_obj_0"

    name = "data/constants/opaque_obj_0"
    return edited(put(members, name, pickle.dumps(Bomb(marker))), CONSTANTS, change)


def custom_object(members: Members, marker: Path) -> Members:
    return put(members, "data/constants/custom_obj_0", pickle.dumps(Bomb(marker)))


def legacy_weights(members: Members, marker: Path) -> Members:
    return put(members, "data/weights/model.pt", pickle.dumps(Bomb(marker)))


def legacy_archive(_members: Members, marker: Path) -> Members:
    bomb = pickle.dumps(Bomb(marker))
    names = ("state_dict.pt", "constants.pt", "example_inputs.pt")
    program = {"serialized_exported_program.json": b"{}", "version": b"8.8"}
    return program | {f"serialized_{name}": bomb for name in names}


def native_code(members: Members, _marker: Path) -> Members:
    return put(members, "data/aotinductor/model/model.so", b"\x7fELF")


def program_with(change: Callable[[Any, Path], None]) -> Any:
    """The attack that changes the program's JSON so."""

    @functools.wraps(change)
    def made(members: Members, marker: Path) -> Members:
        return edited(members, PROGRAM, lambda program: change(program, marker))

    return made


@program_with
def any_function(program: Any, marker: Path) -> None:
    call_of(program, "torch.os.system", {"as_string": f"touch '{marker}'"})


@program_with
def file_operator(program: Any, marker: Path) -> None:
    name, shared = {"as_string": str(marker)}, {"as_bool": True}
    call_of(program, "torch.ops.aten.from_file.default", name, shared, {"as_int": 4})


@program_with
def script_operator(program: Any, marker: Path) -> None:
    x, name = {"as_tensor": {"name": "x"}}, {"as_string": str(marker)}
    call_of(program, "torch.ops.aten.save.default", x, name)


@program_with
def operator_argument(program: Any, marker: Path) -> None:
    text = {"as_string": f"touch '{marker}'"}
    call_of(program, "_operator.add", {"as_operator": "torch.os.system"}, text)


@program_with
def higher_order_operator(program: Any, _marker: Path) -> None:
    call_of(program, "torch.ops.higher_order.call_torchbind")


@program_with
def size(program: Any, marker: Path) -> None:
    expr = {"as_expr": {"expr_str": ran(marker), "hint": {"as_int": 2}}}
    graph(program)["tensor_values"]["x"]["sizes"][0] = expr


@program_with
def size_through_a_function(program: Any, marker: Path) -> None:
    text = f'sympify("{ran(marker)}")'
    expr = {"as_expr": {"expr_str": text, "hint": {"as_int": 2}}}
    graph(program)["tensor_values"]["x"]["sizes"][0] = expr


@program_with
def node_name(program: Any, marker: Path) -> None:
    name = f"y = {ran(marker)}; linear"
    text = json.dumps(graph(program)).replace('"linear"', json.dumps(name))
    program["graph_module"]["graph"] = json.loads(text)


@program_with
def argument_name(program: Any, marker: Path) -> None:
    signature(program)["forward_arg_names"] = [f"x={ran(marker)}"]


@program_with
def keyword_name(program: Any, marker: Path) -> None:
    spec = json.loads(signature(program)["in_spec"])
    spec[1]["children_spec"][1]["context"] = json.dumps([f"x={ran(marker)}"])
    signature(program)["in_spec"] = json.dumps(spec)


@program_with
def weight_name(program: Any, marker: Path) -> None:
    name = f'a"), {ran(marker)}, getattr(self, "fc'
    text = json.dumps(program["graph_module"]["signature"])
    text = text.replace('"fc.bias"', json.dumps(name))
    program["graph_module"]["signature"] = json.loads(text)


@program_with
def imported_enum(program: Any, _marker: Path) -> None:
    context = json.dumps([{"__enum__": True, "fqn": "evil:E.A", "name": "A"}])
    signature(program)["out_spec"] = tree_of(context, "builtins.dict")


@program_with
def imported_factory(program: Any, _marker: Path) -> None:
    names = {"default_factory_module": "evil", "default_factory_name": "f"}
    context = names | {"dict_context": ["y"]}
    signature(program)["out_spec"] = tree_of(context, "collections.defaultdict")


def calling(target: str, *arguments: Any) -> Any:
    """The attack that calls an operator on `x` and some numbers."""

    def change(program: Any, _marker: Path) -> None:
        call_of(program, target, {"as_tensor": {"name": "x"}}, *arguments)

    change.__name__ = target.split(".")[-2]
    return program_with(change)


FAR = ({"as_ints": [3]}, {"as_ints": [1]}, {"as_int": 2**36})
RAW = [
    calling("torch.ops.inductor._reinterpret_tensor.default", *FAR),
    calling("torch.ops.aten._reshape_alias.default", *FAR[:2]),
    calling("torch.ops.aten.set_.source_Tensor_storage_offset", *FAR),
    calling("torch.ops.aten.resize_.default", {"as_ints": [10**6]}),
    calling("torch.ops.aten.resize.default", {"as_ints": [10**6]}),
    calling("torch.ops.aten.segment_reduce.default"),
    calling("torch.ops.aten.fbgemm_linear_fp16_weight.default"),
    calling("torch.ops.aten._nested_view_from_buffer.default"),
    calling("torch.ops.aten._sparse_coo_tensor_unsafe.default"),
    calling("torch.ops.aten.add.out"),
    calling("torch.ops.mkldnn.data_ptr.default"),
    calling("torch.ops.mkl._mkl_linear.default"),
]

UNSAFE: list[tuple[Any, str]] = [
    (pickled_weight, "`fc.weight` as a pickle"),
    (pickled_constant, "pickled objects"),
    (custom_object, "custom objects"),
    (legacy_weights, "pickled tensors"),
    (legacy_archive, "as torch before 2.8 saved them"),
    (native_code, "native code"),
    (any_function, "`'torch.os.system'`, which is no operator"),
    (file_operator, "aten::from_file, which may reach files"),
    (script_operator, "aten::save, which may reach files"),
    (operator_argument, "which is no operator"),
    (higher_order_operator, "higher-order operator `call_torchbind`"),
    (size, "is no plain expression"),
    (size_through_a_function, "is no plain expression"),
    (node_name, "would be generated as Python source"),
    (argument_name, "would be generated as Python source"),
    (keyword_name, "would be generated as Python source"),
    (weight_name, "would be part of generated source"),
    (imported_enum, "imports a module"),
    (imported_factory, "imports a module"),
    *((make, "which may reach memory that is not its own") for make in RAW),
]


@pytest.fixture
def evil_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that says that it was imported, and a working folder for nothing else."""
    marker = tmp_path / "ran"
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    (tmp_path / "evil.py").write_text(f"open({str(marker)!r}, 'w')\nf = dict\n")
    monkeypatch.syspath_prepend(tmp_path)
    return marker


def opened(path: Path) -> torch.nn.Module:
    """As a generated script does, and once through the model."""
    module = pytorch.open_pt2(path, INPUTS).module()
    module(torch.randn(3, 4))
    return module


@pytest.mark.parametrize(
    ("make", "reason"), UNSAFE, ids=[make.__name__ for make, _reason in UNSAFE]
)
def test_a_malicious_program_is_refused_without_running(
    members: Members, tmp_path: Path, evil_module: Path, make: Any, reason: str
) -> None:
    path = write(tmp_path / "net.pt2", make(members, evil_module))
    with pytest.raises(ModelError) as caught:
        opened(path)
    assert caught.value.message.startswith("model.path: net.pt2 is not opened: ")
    assert reason in caught.value.message
    assert "trust: true" in caught.value.remedy
    with pytest.raises(ModelError, match=r"net\.pt2 is not opened: "):
        pytorch.load_saved(path)
    assert not evil_module.exists()


REAL = (
    pickled_weight,
    pickled_constant,
    size,
    size_through_a_function,
    imported_factory,
)


@pytest.mark.parametrize("make", REAL, ids=lambda make: make.__name__)
def test_an_attack_runs_without_the_check(
    members: Members, evil_module: Path, make: Any
) -> None:
    """In the torch that is installed: a check against nothing would prove nothing."""
    path = write(evil_module.parent / "net.pt2", make(members, evil_module))
    with contextlib.suppress(Exception):  # it may fail, once it has run
        torch.export.load(path).module()(torch.randn(3, 4))
    assert evil_module.exists()


def compressed(archive: zipfile.ZipFile, members: Members) -> None:
    for name, data in members.items():
        archive.writestr(name, data, zipfile.ZIP_DEFLATED)


def twice(archive: zipfile.ZipFile, members: Members) -> None:
    for name, data in [*members.items(), *members.items()][: len(members) + 1]:
        archive.writestr(name, data)


def link(archive: zipfile.ZipFile, members: Members) -> None:
    info = zipfile.ZipInfo(f"{root(members)}/data/weights/weight_9")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


def escaping(archive: zipfile.ZipFile, members: Members) -> None:
    archive.writestr(f"{root(members)}/../../weight_0", b"")


def unknown(archive: zipfile.ZipFile, members: Members) -> None:
    for name, data in put(members, "data/run.py", b"").items():
        archive.writestr(name, data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (compressed, "is compressed"),
        (twice, "is there twice"),
        (link, "is a symbolic link"),
        (escaping, "leads out of the archive"),
        (unknown, "which torch.export.save never writes"),
    ],
)
def test_an_odd_zip_index_is_refused(
    members: Members, tmp_path: Path, fill: Any, reason: str
) -> None:
    path = tmp_path / "net.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        fill(archive, members)
    with pytest.raises(ModelError, match=reason):
        opened(path)


def test_what_users_save_opens_without_trust(members: Members, tmp_path: Path) -> None:
    """Sample inputs are pickled in it; they are left out, not read."""
    assert members[f"{root(members)}/{SAMPLES}"]
    path = write(tmp_path / "net.pt2", members)
    x = torch.randn(5, 4)
    expected = torch.export.load(path).module()(x)
    found = opened(path)(x)
    assert torch.equal(found["y"], expected["y"])
    assert found["size"].shape == (10,)


def test_sample_inputs_are_not_unpickled(members: Members, evil_module: Path) -> None:
    bomb = put(members, SAMPLES, pickle.dumps(Bomb(evil_module)))
    opened(write(evil_module.parent / "net.pt2", bomb))
    assert not evil_module.exists()


def test_guards_are_not_evaluated(members: Members, evil_module: Path) -> None:
    def change(program: Any) -> None:
        program["guards_code"] = [ran(evil_module)]

    opened(write(evil_module.parent / "net.pt2", edited(members, PROGRAM, change)))
    assert not evil_module.exists()


def test_trust_opens_it_with_torch_alone(members: Members, evil_module: Path) -> None:
    folder = evil_module.parent
    buffer = io.BytesIO()
    torch.save(((Bomb(evil_module),), {}), buffer)
    path = write(folder / "net.pt2", put(members, SAMPLES, buffer.getvalue()))
    program = pytorch.open_pt2(path, INPUTS, trust=True)
    assert evil_module.exists()
    assert program.module()(torch.randn(3, 4))["y"].shape == (3, 3)


DAMAGED: list[tuple[str, Callable[[Members], Members], str]] = [
    (
        "no weights",
        lambda m: {k: v for k, v in m.items() if "weight_0" not in k},
        "no `",
    ),
    (
        "no program",
        lambda m: {k: v for k, v in m.items() if "json" not in k},
        "no program",
    ),
    ("no JSON", lambda m: put(m, PROGRAM, b"{"), "is no JSON"),
    ("a list", lambda m: put(m, PROGRAM, b"[]"), "is no JSON object"),
    ("deep", lambda m: put(m, PROGRAM, b"[" * 100_000), "is no JSON"),
    ("another object", lambda m: put(m, PROGRAM, b"{}"), "is no program"),
    ("an empty weight", lambda m: put(m, "data/weights/weight_0", b""), "has no bytes"),
    ("a short weight", lambda m: put(m, "data/weights/weight_0", b"1234"), "can't be"),
]


@pytest.mark.parametrize(
    ("change", "reason"), [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED]
)
def test_a_damaged_archive_is_one_message(
    members: Members,
    tmp_path: Path,
    change: Callable[[Members], Members],
    reason: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path / "net.pt2", change(members))
    with pytest.raises(ModelError, match=reason) as caught:
        opened(path)
    assert caught.value.message.startswith("model.path: net.pt2 ")
    assert capfd.readouterr() == ("", "")


def test_a_cut_archive_is_one_message(members: Members, tmp_path: Path) -> None:
    path = write(tmp_path / "net.pt2", members)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cut short or damaged"):
        opened(path)
