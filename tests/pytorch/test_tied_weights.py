"""Weights that a module holds under several names and its file under one."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch


class Tied(nn.Module):
    """Embedding and head are one weight, and so is a layer that stands in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(20, 8), nn.Linear(8, 20, bias=False)
        self.head.weight = self.embed.weight
        self.one = self.other = nn.Linear(8, 8)
        self.own = nn.Linear(8, 8)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.head(self.own(self.other(self.one(self.embed(ids)))))
        return made


@pytest.mark.parametrize("left_out", ["safetensors", "embed.weight", "head.weight"])
def test_names_of_tied_weights_may_be_left_out(tmp_path: Path, left_out: str) -> None:
    trained, model, ids = Tied(), Tied(), torch.arange(20)
    if left_out == "safetensors":
        save_model(trained, str(tmp_path / "w.safetensors"))
        pytorch.load_safetensors(model, tmp_path / "w.safetensors")
    else:
        state = {k: v for k, v in trained.state_dict().items() if k != left_out}
        torch.save(state, tmp_path / "w.pth")
        pytorch.load_state_dict(model, tmp_path / "w.pth", weights_only=True)
    assert torch.equal(model(ids), trained(ids))
    assert model.head.weight is model.embed.weight


@pytest.mark.parametrize("gone", ["own.weight", "embed.weight head.weight"])
def test_a_weight_that_is_nowhere_in_the_file_is_missing(
    tmp_path: Path, gone: str
) -> None:
    state = {
        k: v.clone() for k, v in Tied().state_dict().items() if k not in gone.split()
    }
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=f"lacks .*{gone.split()[0]}"):
        pytorch.load_safetensors(Tied(), tmp_path / "w.safetensors")


@pytest.mark.parametrize("member", ["data/0", "data.pkl", "version"])
def test_a_state_dict_with_a_wrong_checksum_is_damaged(
    tmp_path: Path, member: str
) -> None:
    path = tmp_path / "w.pth"
    torch.save(nn.Linear(4, 3).state_dict(), path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read(f"w/{member}")
    data = bytearray(path.read_bytes())
    data[data.index(content) + len(content) // 2] ^= 0x40
    path.write_bytes(data)
    model: Any = nn.Linear(4, 3)
    before = model.weight.clone()
    with pytest.raises(ModelError, match=r"w\.pth is damaged: the checksum of `w/"):
        pytorch.load_state_dict(model, path, weights_only=True)
    assert torch.equal(model.weight, before)
