"""Inputs reach forward() by name, and the saved file keeps the call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks import pytorch
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.graph.graph import Precision


class Mixed(nn.Module):
    """Arguments of every kind, each with a weight of its own in the result."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(
        self,
        x: torch.Tensor,
        pair: tuple[torch.Tensor, torch.Tensor] | None = None,
        mask: torch.Tensor | None = None,
        scale: float = 1.0,
        *,
        batch: dict[str, torch.Tensor] | None = None,
        **more: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        made = self.fc(x) * scale
        for k, value in enumerate(pair or ()):
            made = made + (k + 2) * value
        if mask is not None:
            made = made + 5 * mask
        for key, weight in (("image", 7), ("size", 11)):
            if batch and key in batch:
                made = made + weight * batch[key]
        for key, weight in (("first", 13), ("second", 17)):
            if key in more:
                made = made + weight * more[key]
        return {"made": made}


def value(rows: int = 3) -> torch.Tensor:
    return torch.randn(rows, 4)


CALLS: dict[str, tuple[list[str], Any]] = {
    "leading parameters": (["x"], lambda a: ((a,), {})),
    "a keyword after a parameter that is skipped": (
        ["x", "mask"],
        lambda a, b: ((a,), {"mask": b}),
    ),
    "parameters in another order": (
        ["mask", "x"],
        lambda a, b: ((), {"mask": a, "x": b}),
    ),
    "a tuple by position": (
        ["x", "pair.0", "pair.1", "mask"],
        lambda a, b, c, d: ((a, (b, c), d), {}),
    ),
    "a dict by keyword only": (
        ["x", "batch.size", "batch.image"],
        lambda a, b, c: ((a,), {"batch": {"size": b, "image": c}}),
    ),
    "keywords that forward() gathers": (
        ["x", "second", "mask", "first"],
        lambda a, b, c, d: ((a,), {"second": b, "mask": c, "first": d}),
    ),
    "no parameter's name": (["image"], lambda a: ((a,), {})),
    "all at once": (
        ["x", "pair.0", "pair.1", "batch.image", "first"],
        lambda a, b, c, d, e: ((a, (b, c)), {"batch": {"image": d}, "first": e}),
    ),
}


def declared(names: list[str]) -> list[Input]:
    return [Input(name, ("batch", 4), "float32") for name in names]


def traced(model: nn.Module, names: list[str], batch: Any) -> Any:
    return pytorch.trace(
        model.eval(), batch, low=Precision.BF16, inputs=declared(names)
    )


@pytest.mark.parametrize("case", CALLS)
def test_inputs_are_bound_by_name_from_the_baseline_to_the_file(
    tools: Any, case: str, tmp_path: Path
) -> None:
    names, arguments = CALLS[case]
    torch.manual_seed(0)
    model = Mixed().eval()
    batch = tuple(value() for _ in names)
    program = traced(model, names, batch)
    converted = program.apply(tools.all_low(program))
    path = program.save(converted, tmp_path / "mixed.pt2")
    other = tuple(value(5) for _ in names)
    for given in (batch, other):
        args, kwargs = arguments(*given)
        expected = model(*args, **kwargs)
        (baseline,) = pytorch.predictor(model, declared(names))(given)
        assert torch.equal(torch.from_numpy(baseline), expected["made"])
        for predict in (pytorch.predictor(converted), pytorch.load_saved(path)):
            (made,) = predict(given)
            found = {"made": torch.from_numpy(made)}
            assert tools.error(expected, found) < 0.02
        called = torch.export.load(path).module()(*args, **kwargs)
        assert list(called) == ["made"]
        assert tools.error(expected, called) < 0.02
    assert [program.graph.tensors[n].shape for n in program.graph.inputs] == [
        tuple(each.shape) for each in batch
    ]
    assert program.error(Precision.BF16, ("fc:linear:0",)) > 0
    assert set(program.sketch(Precision.BF16, ["fc:linear:0"])) == {"fc:linear:0"}


def test_a_saved_call_is_bound_in_a_fresh_process(
    tools: Any, python: Any, tmp_path: Path
) -> None:
    names, _arguments = CALLS["all at once"]
    model = Mixed().eval()
    batch = tuple(value() for _ in names)
    program = traced(model, names, batch)
    program.save(program.apply(tools.all_low(program)), tmp_path / "mixed.pt2")
    torch.save(batch, tmp_path / "batch.pt")
    script = (
        "import json, torch\n"
        "from pathlib import Path\n"
        "from narrowcast.runtime.frameworks import pytorch\n"
        "predict = pytorch.load_saved(Path('mixed.pt2'))\n"
        "print(json.dumps(predict(torch.load('batch.pt'))[0].tolist()))\n"
    )
    done = python("-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = torch.tensor(json.loads(done.stdout))
    (expected,) = pytorch.predictor(model, declared(names))(batch)
    assert tools.error(torch.from_numpy(expected), found) < 0.02


class Three(nn.Module):
    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, *rest: torch.Tensor
    ) -> torch.Tensor:
        total = input_ids - 2 * attention_mask
        for k, one in enumerate(rest):
            total = total + (k + 3) * one
        return total


REFUSED = {
    "a name that is none": (
        ["input_ids", "atention_mask"],
        r"names `atention_mask`, and Three\.forward\(\) takes input_ids, attention_mask",
        "Did you mean `attention_mask`?",
    ),
    "a part of an argument that is none": (
        ["batch.image"],
        r"names `batch`",
        "Name the arguments of forward().",
    ),
    "an argument that is needed": (
        ["input_ids"],
        r"does not fit Three\.forward\(\): missing a required argument",
        "Name every argument that has no default.",
    ),
    "a tuple without its first element": (
        ["input_ids.1", "attention_mask"],
        "out of order: input_ids.1",
        "Write the parts of one argument one after the other, a tuple's from 0 on.",
    ),
    "parts apart": (
        ["input_ids.a", "attention_mask", "input_ids.b"],
        "out of order",
        "Write the parts of one argument one after the other, a tuple's from 0 on.",
    ),
    "the whole and a part": (
        ["input_ids", "input_ids.a", "attention_mask"],
        "out of order",
        "Write the parts of one argument one after the other, a tuple's from 0 on.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_names_that_do_not_fit_are_refused_by_baseline_and_trace(case: str) -> None:
    names, message, remedy = REFUSED[case]
    batch = tuple(value() for _ in names)
    for attempt in (
        lambda: pytorch.predictor(Three(), declared(names)),
        lambda: traced(Three(), names, batch),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            attempt()
        assert caught.value.remedy == remedy


def test_what_goes_beyond_the_parameters_is_gathered_by_position(tools: Any) -> None:
    names = ["input_ids", "attention_mask", "one", "two"]
    batch = tuple(value() for _ in names)
    program = traced(Three(), names, batch)
    assert torch.equal(program.prepared.module(*batch), Three()(*batch))


def test_the_model_is_left_as_it_was(tools: Any) -> None:
    model = Mixed().eval()
    before = dict(vars(model))
    names, _arguments = CALLS["keywords that forward() gathers"]
    traced(model, names, tuple(value() for _ in names))
    assert vars(model) == before
    assert "forward" not in vars(model)


@pytest.mark.parametrize("names", [("x",), ("x", "mask"), ("x", "scale")])
def test_a_saved_model_takes_all_inputs_by_their_names(
    names: tuple[str, ...], tools: Any, tmp_path: Path
) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Any, mask: Any = None, *, scale: Any = None) -> Any:
            y = self.layer(x)
            y = y if mask is None else y * mask
            return y if scale is None else y * scale

    model, batch = Net().eval(), tuple(torch.rand(3, 8) for _ in names)
    inputs = [Input(name, ("batch", 8), "float32") for name in names]
    program = pytorch.trace(model, batch, low=Precision.BF16, inputs=inputs)
    path = program.save(program.apply(tools.all_low(program)), tmp_path / "net.pt2")
    named = dict(reversed([*zip(names, batch, strict=True)]))
    with torch.no_grad():
        found = torch.export.load(path).module().forward(**named)
        assert tools.error(model(**named), found) < 0.02
