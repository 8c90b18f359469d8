"""What `narrowcast init` finds in exported programs."""

from pathlib import Path
from typing import Any

import pytest
import torch
from begun import begun

from narrowcast.looking.found import Tensor
from narrowcast.looking.look import look


class Net(torch.nn.Module):
    """Takes a mapping with a pair in it, and a keyword argument."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, batch: Any, *, mask: torch.Tensor) -> Any:
        scores = self.linear(batch["image"]) * batch["pair"][1] * mask
        return {"scores": scores, "sum": batch["pair"][0].sum(0)}


class Scaled(Net):
    """The same with a number that is no tensor."""

    def forward(  # type: ignore[override]
        self, batch: Any, scale: float, *, mask: torch.Tensor
    ) -> Any:
        return super().forward(batch, mask=mask * scale)


def save(folder: Path, *scale: float) -> Path:
    size = torch.export.Dim("rows")
    pair = (torch.ones(3, 2, dtype=torch.int64), torch.ones(3, 2))
    program = torch.export.export(
        (Scaled() if scale else Net()).eval(),
        ({"image": torch.randn(3, 4), "pair": pair}, *scale),
        {"mask": torch.ones(3, 2)},
        dynamic_shapes={
            "batch": {"image": {0: size}, "pair": ({0: size}, {0: size})},
            **({"scale": None} if scale else {}),
            "mask": {0: size},
        },
    )
    path = folder / "net.pt2"
    torch.export.save(program, path)
    return path


@pytest.mark.parametrize("scale", [(), (2.0,)])
def test_inputs_and_outputs(tmp_path: Path, scale: tuple[float, ...]) -> None:
    found = look(save(tmp_path, *scale))
    assert found.inputs == (
        Tensor("batch.image", ("batch", 4), "float32"),
        Tensor("batch.pair.0", ("batch", 2), "int64"),
        Tensor("batch.pair.1", ("batch", 2), "float32"),
        Tensor("mask", ("batch", 2), "float32"),
    )
    assert found.outputs == ("scores", "sum")


def test_what_is_begun_converts(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).eval()
    batch = {"input": {0: torch.export.Dim("rows")}}
    program = torch.export.export(model, (torch.randn(3, 4),), dynamic_shapes=batch)
    torch.export.save(program, tmp_path / "alone.pt2")
    spec = begun(tmp_path, "alone.pt2")
    assert [each.name for each in spec.model.inputs] == ["input"]
    assert (tmp_path / "alone.bf16.pt2").is_file()


class Plain(Net):
    """The same, called by position alone."""

    def forward(self, batch: Any, mask: torch.Tensor) -> Any:  # type: ignore[override]
        return super().forward(batch, mask=mask)


def test_nested_arguments_convert(tmp_path: Path) -> None:
    size = {0: torch.export.Dim("rows")}
    pair = (torch.ones(3, 2, dtype=torch.int64), torch.ones(3, 2))
    program = torch.export.export(
        Plain().eval(),
        ({"image": torch.randn(3, 4), "pair": pair}, torch.ones(3, 2)),
        dynamic_shapes=({"image": size, "pair": (size, size)}, size),
    )
    torch.export.save(program, tmp_path / "net.pt2")
    spec = begun(tmp_path, "net.pt2")
    assert [each.name for each in spec.model.inputs][:1] == ["batch.image"]
    assert spec.model.outputs == ("scores", "sum")
