"""Weights that stay in their files: mapped, not copied."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.pytorch.opening.weights import mapped
from narrowcast.runtime.frameworks.pytorch.running.predict import predictor
from narrowcast.runtime.graph.graph import Kernel, Precision

WIDTH = 640  # a weight of 1.6 MB, in bf16 0.8 MB
LARGE = 1024  # in bf16 2 MB, which a saved model is opened with where it is


class Net(nn.Module):
    """Words, a layer that stands in two places, and a head that is the words again."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.words = nn.Embedding(50, width)
        self.one = self.other = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)
        self.head = nn.Linear(width, 50, bias=False)
        self.head.weight = self.words.weight

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = self.one(self.words(words)).relu()
        made: torch.Tensor = self.head(self.norm(self.other(x)))
        return made


def _trained(width: int = WIDTH) -> Net:
    torch.manual_seed(0)
    return Net(width).eval()


def _sharded(folder: Path, model: nn.Module) -> Path:
    """Its weights in two files with an index, tied names left out."""
    kept = {name for name, _value in model.named_parameters()}
    kept |= {name for name, _value in model.named_buffers()}
    state = {k: v.clone() for k, v in model.state_dict().items() if k in kept}
    names = sorted(state)
    index = {}
    for k, part in enumerate((names[::2], names[1::2])):
        file = f"model-{k}.safetensors"
        save_file({name: state[name] for name in part}, folder / file)
        index |= dict.fromkeys(part, file)
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": index}))
    return path


def _file_at(tensor: torch.Tensor) -> str:
    """The file that a tensor's memory is a map of, "" for none."""
    place = tensor.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, *_others = line.split()
        start, end = (int(each, 16) for each in span.split("-"))
        if start <= place < end:
            name = line.partition("/")[2]
            return f"/{name}" if name else ""
    raise AssertionError("no memory of this process")


linux = pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="only Linux tells what memory maps"
)


@linux
def test_shards_are_mapped_into_a_module_on_the_meta_device(tmp_path: Path) -> None:
    trained, words = _trained(), torch.arange(50)
    with torch.device("meta"):
        model = Net().eval()
    pytorch.load_sharded(model, _sharded(tmp_path, trained))
    assert model.head.weight is model.words.weight
    assert torch.equal(model(words), trained(words))
    assert all(
        "model-" in _file_at(each)
        for each in (*model.parameters(), *model.buffers())
        if each.numel()
    )


@linux
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
@pytest.mark.parametrize("large", [True, False])
def test_large_weights_take_the_place_of_a_modules_own(
    tmp_path: Path, kind: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LARGE", 0 if large else 1 << 40)
    trained, model, words = _trained(), Net().eval(), torch.arange(50)
    before = dict(model.named_parameters())
    if kind == "pth":
        torch.save(trained.state_dict(), tmp_path / "w.pth")
        pytorch.load_state_dict(model, tmp_path / "w.pth", weights_only=True)
    else:
        pytorch.load_sharded(model, _sharded(tmp_path, trained))
    assert torch.equal(model(words), trained(words))
    for name, weight in model.named_parameters():
        assert weight is before[name]
        assert (str(tmp_path) in _file_at(weight)) == large, name


def test_weights_in_another_layout_keep_the_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LARGE", 0)
    model = nn.Conv2d(8, 4, 3).to(memory_format=torch.channels_last)
    weight = torch.randn(4, 8, 3, 3)
    save_file({"weight": weight, "bias": torch.zeros(4)}, tmp_path / "w.safetensors")
    pytorch.load_safetensors(model, tmp_path / "w.safetensors")
    assert torch.equal(model.weight, weight)
    assert model.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_modules_own_way_to_load_is_taken(tmp_path: Path) -> None:
    class Own(nn.Linear):
        def load_state_dict(self, state_dict, strict=True):  # type: ignore[no-untyped-def, override]
            doubled = {name: 2 * value for name, value in state_dict.items()}
            return super().load_state_dict(doubled, strict)

    weights = {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}
    save_file(weights, tmp_path / "w.safetensors")
    model = Own(2, 2)
    pytorch.load_safetensors(model, tmp_path / "w.safetensors")
    assert torch.equal(model.weight, torch.full((2, 2), 2.0))


@linux
def test_a_saved_model_is_opened_on_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_BF16", "1")
    with torch.device("meta"):
        model = Net(LARGE).eval()
    pytorch.load_sharded(model, _sharded(tmp_path, _trained(LARGE)))
    low, batch = Precision.BF16, (torch.arange(8),)
    declared = [Input("words", (8,), "int64")]
    traced = pytorch.trace(model, batch, low=low, inputs=declared)
    kernel = Kernel(low, low)
    placement = {
        op.id: low if kernel in op.kernels else Precision.FP32
        for op in traced.graph.ops
    }
    assert traced.graph.flops_in(placement, low) == traced.graph.flops > 0
    made = traced.apply(placement)
    (expected,) = predictor(made, declared)(batch)
    path = traced.save(made, tmp_path / "net.pt2")
    opened = traced.load_saved(path)
    (outputs,) = opened(batch)
    assert outputs.tobytes() == expected.tobytes()
    held = [*opened.model.parameters(), *opened.model.buffers()]  # type: ignore[attr-defined]
    large = [each for each in held if each.nbytes >= 1 << 20]
    assert {each.dtype for each in large} == {torch.bfloat16}
    assert large
    assert all(str(path) in _file_at(each) for each in large)
    again = traced.save(traced.apply(placement), tmp_path / "again.pt2")
    assert again.read_bytes() == path.read_bytes()


@linux
@pytest.mark.nightly
def test_a_conversion_needs_little_more_than_its_own_weights(tmp_path: Path) -> None:
    """Tracing and writing hold the low weights once; those of fp32 stay in their file."""

    def needed() -> int:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        (line,) = (each for each in lines if each.startswith("Pss_Anon:"))
        return int(line.split()[1]) * 1024

    width, layers = 2560, 12
    torch.manual_seed(0)
    trained = nn.Sequential(*(nn.Linear(width, width) for _ in range(layers)))
    index, size = _sharded(tmp_path, trained), layers * width * width * 4
    del trained
    gc.collect()
    low, batch = Precision.BF16, (torch.randn(2, width),)
    before = needed()
    with torch.device("meta"):
        model = nn.Sequential(*(nn.Linear(width, width) for _ in range(layers))).eval()
    pytorch.load_sharded(model, index)
    loaded = needed() - before
    traced = pytorch.trace(
        model, batch, low=low, inputs=[Input("input", (2, width), "float32")]
    )
    found = needed() - before
    made = traced.apply({op.id: low for op in traced.graph.ops})
    traced.save(made, tmp_path / "net.pt2")
    assert loaded < 0.2 * size
    assert found < 0.4 * size
    assert needed() - before < 1.0 * size
