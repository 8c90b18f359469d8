"""What a module says nothing of: dtypes that it takes, arguments that have a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.record.sources import Sources
from narrowcast.runtime.run.slots.filling import filled, handed

N = ("batch", "n")


class Net(nn.Module):
    """An embedding or a layer, a mask that must be said, a scale that may be."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.layer = nn.Embedding(8, 4), nn.Linear(4, 4)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor | None, scale: float = 1.0
    ) -> torch.Tensor:
        x = ids if ids.is_floating_point() else self.table(ids).mean(1)
        if mask is not None:
            x = x + mask
        made: torch.Tensor = self.layer(x) * scale
        return made


class Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.layer(x)
        return made


def slots(model: nn.Module, inputs: tuple[Input, ...], *arrays: Any) -> Any:
    batch = tuple(torch.from_numpy(array) for array in arrays)
    load, found = handed(pytorch, lambda: model, model, inputs)
    return filled(pytorch, load, found, lambda: [(batch, None)], inputs, Sources())


IDS = np.arange(6).reshape(3, 2)
PIXELS = np.arange(75).reshape(3, 1, 5, 5)
NULL = Input("mask", value=None)


@pytest.mark.parametrize(
    ("model", "array", "found"),
    [
        (Net(), IDS, "int64"),
        (Net(), IDS.astype("int16"), "int64"),
        (Net(), IDS.astype("uint8"), "int64"),
        (Image(), PIXELS.astype("uint8"), "float32"),
        (Image(), PIXELS, "float32"),
        (Image(), PIXELS.astype("float64"), "float32"),
        (Image(), PIXELS.astype("float32"), "float32"),
    ],
)
@pytest.mark.parametrize("declared", [False, True])
def test_data_gets_a_dtype_that_the_module_takes(
    model: nn.Module, array: Any, found: str, declared: bool
) -> None:
    null = (NULL,) if isinstance(model, Net) else ()
    shape = tuple(f"n{k}" for k in range(array.ndim))
    name = "ids" if null else "x"
    inputs = (Input(name, shape), *null) if declared else null
    made = slots(model, inputs, array)
    ((inputs_, _labels),) = made.batches()
    assert str(inputs_[0].dtype) == f"torch.{found}"
    changed = [each.dtype for each in made.fitted]
    assert changed == (
        [found] if array.dtype.kind in "iu" and found != array.dtype else []
    )
    pytorch.predictor(made.load_model(), made.inputs)(inputs_)


def test_arguments_have_the_values_that_the_spec_says() -> None:
    model = Net()
    stated = (Input("ids", N, "int64"), NULL, Input("scale", value=2))
    made = slots(model, stated, IDS)
    assert [each.name for each in made.inputs] == ["ids"]
    loaded = made.load_model()
    expected = model(torch.from_numpy(IDS), None, 2)
    found = pytorch.predictor(loaded, made.inputs)((torch.from_numpy(IDS),))
    np.testing.assert_allclose(found[0], expected.detach())
    # As an eval_func of the user's calls it.
    given = loaded(torch.from_numpy(IDS), torch.ones(4), scale=1.0)
    assert torch.equal(given, model(torch.from_numpy(IDS), torch.ones(4), 1.0))
    traced = pytorch.trace(
        loaded, (torch.from_numpy(IDS),), low=Precision.BF16, inputs=made.inputs
    )
    assert any(op.type == "linear" for op in traced.graph.ops)
    assert {op.id.partition(":")[0] for op in traced.graph.ops} >= {"layer", "table"}


def test_a_tensor_that_is_always_the_same_goes_into_each_batch() -> None:
    stated = (Input("ids", N, "int64"), Input("mask", ("batch", 4), value=0.5))
    made = slots(Net(), stated, IDS)
    ((inputs, _labels),) = made.batches()
    assert (inputs[1].dtype, tuple(inputs[1].shape)) == (torch.float32, (3, 4))
    assert inputs[1].unique().tolist() == [0.5]


def test_a_value_of_no_argument_is_named() -> None:
    with pytest.raises(ModelError, match="names `masks`, and Net") as caught:
        slots(Net(), (Input("masks", value=None),), IDS)
    assert "`mask`" in caught.value.remedy


def test_a_program_knows_its_own_dtypes() -> None:
    program = torch.export.export(Image(), (torch.zeros(3, 1, 5, 5),)).module()
    made = slots(program, (), PIXELS.astype("uint8"))
    ((inputs, _labels),) = made.batches()
    assert inputs[0].dtype == torch.float32 and not made.fitted
