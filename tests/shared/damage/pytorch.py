"""PyTorch's state dicts, safetensors and exported programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from damage.formats import Format
from narrowcast.runtime.frameworks import pytorch as adapter
from narrowcast.runtime.frameworks.inputs import Input

INPUTS = (Input("x", ("batch", 3, 8, 8), "float32"),)


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(144, 5),
    ).eval()


def _run(model: Any) -> Callable[[], object]:
    predict = adapter.predictor(model, INPUTS)
    return lambda: predict((torch.ones(2, 3, 8, 8),))


def _state_dict(name: str, **options: Any) -> Format:
    def make(folder: Path) -> Path:
        torch.save(_net().state_dict(), folder / name, **options)
        return folder / name

    def read(path: Path) -> Callable[[], object]:
        model = _net()
        adapter.load_state_dict(model, path, weights_only=True)
        return _run(model)

    return Format(make, read)


def _safetensors(folder: Path) -> Path:
    save_file(_net().state_dict(), folder / "net.safetensors")
    return folder / "net.safetensors"


def _read_safetensors(path: Path) -> Callable[[], object]:
    model = _net()
    adapter.load_safetensors(model, path)
    return _run(model)


def _sharded(folder: Path) -> Path:
    state = _net().state_dict()
    names = {name: f"net-{name.partition('.')[0]}.safetensors" for name in state}
    for file in set(names.values()):
        held = {name: value for name, value in state.items() if names[name] == file}
        save_file(held, folder / file)
    index = folder / "net.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return index


def _read_sharded(path: Path) -> Callable[[], object]:
    model = _net()
    adapter.load_sharded(model, path)
    return _run(model)


def _program(folder: Path) -> Path:
    batch = torch.export.Dim("batch", min=1, max=64)
    made = torch.export.export(
        _net(), (torch.ones(2, 3, 8, 8),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(made, folder / "net.pt2")
    return folder / "net.pt2"


def _read_program(path: Path) -> Callable[[], object]:
    return _run(adapter.open_pt2(path, INPUTS).module())


FORMATS = {
    ".pth": _state_dict("net.pth"),
    ".pt (legacy)": _state_dict("net.pt", _use_new_zipfile_serialization=False),
    ".safetensors": Format(_safetensors, _read_safetensors),
    ".safetensors.index.json": Format(_sharded, _read_sharded),
    ".pt2": Format(_program, _read_program),
}
