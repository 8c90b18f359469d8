"""Weights in several files, and names with a prefix too many."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.record.sources import Sources, hashes

State = dict[str, torch.Tensor]
INDEX = "model.safetensors.index.json"
FIRST, SECOND = (f"model-0000{k}-of-00002.safetensors" for k in (1, 2))


class Net(nn.Module):
    """Two layers, and a head that is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.body = nn.Embedding(12, 4), nn.Linear(4, 4)
        self.head = nn.Linear(4, 12, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.body(self.embed(ids)))
        return found


def state(prefix: str = "") -> State:
    """What safetensors hold of a trained one: tied weights under one name."""
    torch.manual_seed(1)
    held = {k: v for k, v in Net().state_dict().items() if k != "head.weight"}
    return {f"{prefix}{name}": value.clone() for name, value in held.items()}


def weight_map(prefix: str = "") -> dict[str, Any]:
    first = f"{prefix}embed.weight"
    return {name: FIRST if name == first else SECOND for name in state(prefix)}


def sharded(
    folder: Path,
    named: Mapping[str, Any] | None = None,
    held: Mapping[str, str] | None = None,
    prefix: str = "",
) -> Path:
    """An index and its files.

    Args:
        named: Tensor → file as the index says, if that is not as it should be.
        held: Tensor → file as it is.
    """
    right = weight_map(prefix)
    for file in (FIRST, SECOND):
        where = right if held is None else held
        save_file(
            {k: v for k, v in state(prefix).items() if where[k] == file}, folder / file
        )
    said = {
        "metadata": {"total_size": 1},
        "weight_map": right if named is None else named,
    }
    (folder / INDEX).write_text(json.dumps(said))
    return folder / INDEX


def is_trained(model: nn.Module) -> bool:
    own = model.state_dict()
    return all(torch.equal(own[name], value) for name, value in state().items())


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_shards_are_loaded_tied_weights_and_prefix_included(
    tmp_path: Path, prefix: str
) -> None:
    model = Net()
    pytorch.load_sharded(model, sharded(tmp_path, prefix=prefix), strip_prefix=prefix)
    assert is_trained(model)
    assert model.head.weight is model.embed.weight


def test_a_snapshot_of_links_is_loaded(tmp_path: Path) -> None:
    """As a hub's cache has them."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    sharded(blobs)
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(file)
    model = Net()
    pytorch.load_sharded(model, snapshot / INDEX)
    assert is_trained(model)


def test_a_plan_knows_the_shards(tmp_path: Path) -> None:
    sources = Sources(model=(sharded(tmp_path),))
    before = hashes(sources, tmp_path / "convert_net.py")["model"]
    assert list(before) == [INDEX, FIRST, SECOND]
    data = bytearray((tmp_path / SECOND).read_bytes())
    data[-1] ^= 1
    (tmp_path / SECOND).write_bytes(data)
    after = hashes(sources, tmp_path / "convert_net.py")["model"]
    assert {name for name in before if before[name] != after[name]} == {SECOND}


def gone(folder: Path) -> Path:
    index = sharded(folder)
    (folder / SECOND).unlink()
    return index


def text(content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (sharded(folder)).write_text(content)
        return folder / INDEX

    return write


def cut(folder: Path) -> Path:
    index = sharded(folder)
    (folder / SECOND).write_bytes((folder / SECOND).read_bytes()[:-3])
    return index


def folder_for(folder: Path) -> Path:
    index = gone(folder)
    (folder / SECOND).mkdir()
    return index


def twice(folder: Path) -> Path:
    index = sharded(folder)
    row = '"body.bias":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    header = f"{{{row % (0, 4)},{row % (4, 8)}}}".encode()
    data = len(header).to_bytes(8, "little") + header + bytes(8)
    (folder / SECOND).write_bytes(data)
    return index


def is_folder(folder: Path) -> Path:
    (folder / INDEX).mkdir()
    return folder / INDEX


def naming(file: Any) -> Callable[[Path], Path]:
    """An index that says so of `body.bias`."""
    return lambda folder: sharded(folder, weight_map() | {"body.bias": file})


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no index": (lambda folder: folder / INDEX, "does not exist"),
    "a folder": (is_folder, "is a folder"),
    "a missing shard": (gone, f"names 2 files, and 1 of them are not there: {SECOND}"),
    "a shard that is cut": (cut, f"{SECOND} is cut short, damaged, no safetensors"),
    "no JSON": (text("{"), "is damaged: "),
    "deep JSON": (text("[" * 100_000), "is damaged: "),
    "a list": (text("[]"), "is no index of weights: it has no `weight_map`"),
    "no map": (text('{"weight_map": {}}'), "is no index of weights"),
    "a key twice": (
        text(f'{{"weight_map": {{"a": "{FIRST}", "b": "x", "a": "{SECOND}"}}}}'),
        "is damaged: `a` is there twice",
    ),
    "in another": (
        naming(FIRST),
        f"says that `body.bias` is in {FIRST}, and it is in {SECOND}",
    ),
    "in none": (
        lambda folder: sharded(folder, weight_map() | {"more": FIRST}),
        f"says that `more` is in {FIRST}, and it is in none of the files",
    ),
    "not named": (
        lambda folder: sharded(
            folder, {k: v for k, v in weight_map().items() if k != "body.bias"}
        ),
        f"{SECOND} holds `body.bias`, which model.weights: {INDEX} does not name",
    ),
    **{
        f"leads to {file}": (naming(file), "which is not opened: shards are files")
        for file in (
            "../secret.safetensors",
            "/etc/a.safetensors",
            "..",
            "a/b.safetensors",
            "a\\b.safetensors",
            "c:x.safetensors",
            ".hidden.safetensors",
            "weights.bin",
            "",
        )
    },
    "half a character": (naming("\ud800.safetensors"), "are not there: ?.safetensors"),
    "a long name": (naming("x" * 3000 + ".safetensors"), "are not there: xxx"),
    "a shard that is a folder": (folder_for, f"{SECOND} is cut short, damaged"),
    "a tensor twice in a shard": (twice, f"{SECOND} is cut short, damaged"),
    "a number": (naming(3), "`body.bias` is in int, which is no file"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_belong_together_is_named(tmp_path: Path, what: str) -> None:
    write, said = WRONG[what]
    (tmp_path / "model").mkdir()
    save_file(state(), tmp_path / "secret.safetensors")
    model = Net()
    before = model.body.bias.clone()
    with pytest.raises(ModelError) as caught:
        pytorch.load_sharded(model, write(tmp_path / "model"))
    assert said in caught.value.message
    assert f"{INDEX}" in caught.value.message or SECOND in caught.value.message
    assert torch.equal(model.body.bias, before)


def test_a_tensor_in_two_shards_is_named(tmp_path: Path) -> None:
    index = sharded(tmp_path)
    save_file(state(), tmp_path / FIRST)
    with pytest.raises(ModelError, match=f"{FIRST} holds `body.bias`, .* in {SECOND}"):
        pytorch.load_sharded(Net(), index)


# A prefix too many


def saved(folder: Path, ending: str, weights: State) -> Path:
    path = folder / f"net{ending}"
    if ending == ".safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path)
    return path


def load(model: nn.Module, path: Path, prefix: str = "") -> None:
    if path.suffix == ".safetensors":
        pytorch.load_safetensors(model, path, strip_prefix=prefix)
    else:
        pytorch.load_state_dict(model, path, weights_only=True, strip_prefix=prefix)


ENDINGS = (".pth", ".safetensors")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_prefix_is_stripped(tmp_path: Path, ending: str) -> None:
    model = Net()
    load(model, saved(tmp_path, ending, state("module.")), "module.")
    assert is_trained(model)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "0."])
def test_the_message_says_which(tmp_path: Path, ending: str, prefix: str) -> None:
    """Tied weights are missing there, and are no other fault."""
    path = saved(tmp_path, ending, state(prefix))
    with pytest.raises(ModelError) as caught:
        load(Net(), path)
    spelled = '"0."' if prefix == "0." else prefix
    assert f"starts with `{prefix}`" in caught.value.message
    assert f"Write `strip_prefix: {spelled}` beside weights" in caught.value.remedy
    assert ('map_location="cpu"' in caught.value.remedy) == (ending == ".pth")
    load(Net(), path, prefix)


def test_the_snippet_of_the_message_does_it(tmp_path: Path) -> None:
    path, new = saved(tmp_path, ".pth", state("module.")), tmp_path / "new.pth"
    with pytest.raises(ModelError) as caught:
        load(Net(), path)
    snippet = caught.value.remedy.partition("without: ")[2].rstrip(".")
    exec(snippet, {"torch": torch, "path": path, "new_path": new})
    model = Net()
    load(model, new)
    assert is_trained(model)


SOME = {"module.embed.weight": 0, "module.body.weight": 0, "body.bias": 0}


@pytest.mark.parametrize(
    ("prefix", "names", "message", "remedy"),
    [
        ("model.", list(state("module.")), "begins none of 3 names", "Leave it out"),
        ("module.", list(SOME), "begins 2 of 3 names", "not `body.bias`"),
        ("module", list(state("module.")), "leaves `.", "`strip_prefix: module.`"),
        ("module.embed.weight", ["module.embed.weight"], "leaves ``", "whole name"),
        (
            "module.",
            list(state("module.net.")),
            "starts with `module.net.`",
            "`strip_prefix: module.net.`",
        ),
        (
            "module.body.",
            ["module.body.weight", "module.body.bias"],
            "does not fit the factory's module",
            "the module that was trained",
        ),
    ],
)
def test_a_prefix_that_does_not_do_is_told_with_counts(
    tmp_path: Path, prefix: str, names: list[str], message: str, remedy: str
) -> None:
    path = saved(tmp_path, ".pth", {name: torch.ones(4) for name in names})
    with pytest.raises(ModelError) as caught:
        load(Net(), path, prefix)
    assert message in caught.value.message
    assert remedy in str(caught.value)


def test_one_that_takes_too_much_is_told(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(2, 2)))
    path = saved(
        tmp_path, ".pth", {f"module.{k}": v for k, v in model.state_dict().items()}
    )
    with pytest.raises(ModelError) as caught:
        load(model, path, "module.0.")
    assert "`module.0.` takes `0.`" in caught.value.message
    assert "Write `strip_prefix: module.`" in caught.value.remedy
