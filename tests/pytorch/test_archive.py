"""The saved file: complete, small, private, the same each time, and opened anywhere."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError, UsageError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.graph.graph import casts

BATCHES = (1, 3, 64)


class Mixed(nn.Module):
    """A convolution with its norm, attention over rows, a dict of outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        y = torch.relu_(self.norm(self.conv(image))).flatten(2).mT
        y = y + self.attend(y, y, y)[0]
        logits = self.head(y.mean(1)).exp()
        return {"logits": logits, "class": logits.argmax(-1)}


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.lstm(x)[0])


READER = """
import json, sys
sys.modules["narrowcast"] = None  # importing it would now fail
import torch
torch.set_num_threads(1)
folder = sys.argv[1]
said = {}
for name in sys.argv[2:]:
    program = torch.export.load(f"{folder}/{name}.pt2")
    module = program.module()
    batches = torch.load(f"{folder}/{name}.in", weights_only=True)
    with torch.no_grad():
        torch.save([module(x) for x in batches], f"{folder}/{name}.out")
    targets = [str(node.target) for node in program.graph.nodes]
    said[name] = {
        "casts": targets.count("aten._to_copy.default"),
        "weights": sorted(str(w.dtype) for w in program.state_dict.values()),
        "compiled checks": hasattr(module, "_guards_fn"),
        "examples": [
            (list(x.shape), x.untyped_storage().nbytes(), x.any().item())
            for x in torch.utils._pytree.tree_leaves(program.example_inputs)
        ],
    }
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def reread(tools: Any, python: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Models that one fresh process opened and ran, with what it said of them."""
    folder = tmp_path_factory.mktemp("archives")
    torch.manual_seed(0)
    cases: dict[str, Any] = {}
    for name, model, shape in (
        ("mixed", Mixed(), (3, 6, 6)),
        ("recurrent", Recurrent(), (7, 4)),
    ):
        program = tools.trace(model, torch.randn(2, *shape))
        exps = [op.id for op in program.graph.ops if op.type == "exp"]
        placement = tools.all_low(program, pins=exps)
        converted = program.apply(placement)
        program.save(converted, folder / f"{name}.pt2")
        batches = [torch.randn(size, *shape) for size in BATCHES]
        torch.save(batches, folder / f"{name}.in")
        cases[name] = (program, placement, converted, batches)
    done = python("-I", "-c", READER, folder, *cases)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout), cases


@pytest.mark.parametrize("name", ["mixed", "recurrent"])
def test_a_fresh_process_with_torch_alone_gets_the_same_outputs(
    reread: Any, tools: Any, name: str
) -> None:
    folder, _said, cases = reread
    _program, _placement, converted, batches = cases[name]
    results = torch.load(folder / f"{name}.out", weights_only=True)
    for size, x, found in zip(BATCHES, batches, results, strict=True):
        with torch.no_grad():
            expected = tools.leaves(converted(x))
        for a, b in zip(expected, tools.leaves(found), strict=True):
            assert a.shape[0] == size
            assert a.dtype == b.dtype
            assert torch.equal(a, b)


@pytest.mark.parametrize("name", ["mixed", "recurrent"])
def test_the_file_has_the_casts_of_the_placement_and_no_other(
    reread: Any, name: str
) -> None:
    _folder, said, cases = reread
    program, placement, _converted, _batches = cases[name]
    assert said[name]["casts"] == len(casts(program.graph, placement)) > 0
    assert set(said[name]["weights"]) == {"torch.bfloat16"}


def test_a_pin_holds_in_the_file(reread: Any) -> None:
    folder, _said, _cases = reread
    nodes = torch.export.load(folder / "mixed.pt2").graph.nodes
    (exp,) = (node for node in nodes if node.target is torch.ops.aten.exp.default)
    assert exp.meta["val"].dtype == torch.float32
    (conv,) = (node for node in nodes if node.target is torch.ops.aten.conv2d.default)
    assert conv.meta["val"].dtype == torch.bfloat16


def test_inputs_are_checked_by_compiled_guards(reread: Any) -> None:
    _folder, said, _cases = reread
    assert said["mixed"]["compiled checks"] and said["recurrent"]["compiled checks"]


@pytest.mark.parametrize("shape", [(2, 3, 6, 5), (2, 3, 6), (2, 4, 6, 6)])
def test_inputs_of_other_sizes_are_refused(reread: Any, shape: Any) -> None:
    folder, _said, _cases = reread
    module = torch.export.load(folder / "mixed.pt2").module()
    with pytest.raises((AssertionError, IndexError)):  # torch's own, as of any program
        module(torch.randn(*shape))


def test_the_file_holds_nobodys_data_and_no_paths(reread: Any) -> None:
    folder, said, _cases = reread
    assert said["mixed"]["examples"] == [[[2, 3, 6, 6], 4, False]]
    with zipfile.ZipFile(folder / "mixed.pt2") as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    here = [str(folder), str(Path(__file__).parent), Path(__file__).name, "Mixed"]
    for data in members.values():
        for text in (*here, ".py", "forward("):
            assert text.encode() not in data


def test_the_file_holds_each_weight_once_and_none_that_is_dead(reread: Any) -> None:
    folder, _said, cases = reread
    _program, _placement, converted, _batches = cases["mixed"]
    needed = sum(w.numel() * w.element_size() for w in converted.state_dict().values())
    with zipfile.ZipFile(folder / "mixed.pt2") as archive:
        stored = sum(
            info.file_size
            for info in archive.infolist()
            if "/weights/weight_" in info.filename or "/constants/" in info.filename
        )
    assert needed <= stored <= needed + 100
    model_bytes = sum(2 * p.numel() for p in Mixed().parameters())
    assert needed <= model_bytes  # the norm's are folded


def test_a_slice_of_a_large_weight_is_saved_alone(tools: Any, tmp_path: Path) -> None:
    class Sliced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("part", torch.randn(10**6)[:4])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.part

    program = tools.trace(Sliced(), torch.randn(3, 4))
    path = program.save(program.apply(tools.all_fp32(program)), tmp_path / "m.pt2")
    assert path.stat().st_size < 10**5


CONVERTER = """
import sys
from pathlib import Path
import torch
from torch import nn
from narrowcast.runtime.search.limits.capability import capability_pins
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.frameworks.inputs import Input

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Flatten(),
    nn.Linear(128, 16), nn.LayerNorm(16), nn.Softmax(-1),
).eval()
inputs = [Input("x", ("batch", 3, 6, 6), "float32")]
traced = pytorch.trace(
    model, (torch.randn(2, 3, 6, 6),), low=Precision.BF16, inputs=inputs
)
pins = {*capability_pins(traced.graph, Precision.BF16, traced.probes), "6:softmax:0"}
placement = low_compute(traced.graph, Precision.BF16, pins).placement
traced.save(traced.apply(placement), Path(sys.argv[1]))
"""


def test_the_same_bytes_come_from_other_processes_folders_and_names(
    python: Any, tmp_path: Path
) -> None:
    digests = set()
    for seed, folder, name in (("1", "a", "model.pt2"), ("77", "b/c", "x.y.pt2")):
        cwd = tmp_path / folder
        cwd.mkdir(parents=True)
        (cwd / f"convert_{seed}.py").write_text(CONVERTER)
        done = python(f"convert_{seed}.py", name, cwd=cwd, env={"PYTHONHASHSEED": seed})
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        digests.add(hashlib.sha256((cwd / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_saving_twice_in_one_process_gives_the_same_bytes(
    reread: Any, tmp_path: Path
) -> None:
    folder, _said, cases = reread
    program, placement, _converted, _batches = cases["mixed"]
    again = program.save(program.apply(placement), tmp_path / "other.pt2")
    assert again.read_bytes() == (folder / "mixed.pt2").read_bytes()


def test_a_file_that_can_not_be_put_in_place_leaves_nothing_behind(
    reread: Any, tmp_path: Path
) -> None:
    _folder, _said, cases = reread
    program, _placement, converted, _batches = cases["recurrent"]
    taken = tmp_path / "model.pt2"
    (taken / "in the way").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"can't write .*model\.pt2"):
        program.save(converted, taken)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]


def test_an_existing_file_is_replaced_whole(reread: Any, tmp_path: Path) -> None:
    folder, _said, cases = reread
    program, _placement, converted, _batches = cases["recurrent"]
    path = tmp_path / "model.pt2"
    path.write_bytes(b"old" * 10**6)
    program.save(converted, path)
    assert path.read_bytes() == (folder / "recurrent.pt2").read_bytes()
    assert [each.name for each in tmp_path.iterdir()] == ["model.pt2"]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        pytorch.load_saved(tmp_path / "missing.pt2")
    (tmp_path / "text.pt2").write_text("no archive")
    with pytest.raises(ModelError, match=r"text\.pt2 is not a zip archive"):
        pytorch.load_saved(tmp_path / "text.pt2")


def test_the_saved_model_is_scored_as_fp32_outputs(reread: Any) -> None:
    folder, _said, cases = reread
    _program, _placement, converted, batches = cases["mixed"]
    predict = pytorch.load_saved(folder / "mixed.pt2")
    classes, logits = predict((batches[1],))
    with torch.no_grad():
        expected = converted(batches[1])
    by_dtype = {str(array.dtype): array for array in (classes, logits)}
    assert torch.equal(torch.from_numpy(by_dtype["float32"]), expected["logits"])
    assert torch.equal(torch.from_numpy(by_dtype["int64"]), expected["class"])
