"""Shapes that vary, inputs and outputs of every form."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks import pytorch


class Encoder(nn.Module):
    """Tokens and a padding mask; positions bound the sequence at 16."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(50, 16)
        self.positions = nn.Parameter(torch.randn(16, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = self.tokens(ids) + self.positions[: ids.shape[1]]
        return self.head(self.layer(hidden, src_key_padding_mask=mask))


def tokens(batch: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.zeros(batch, length, dtype=torch.bool)
    mask[:, length // 2 + 1 :] = True
    return torch.randint(0, 50, (batch, length)), mask


VARIES = [("batch", "length"), ("batch", "length")]


@pytest.fixture(scope="module")
def encoder(tools: Any) -> Any:
    torch.manual_seed(0)
    model = Encoder()
    return model, tools.trace(model, *tokens(2, 6), shapes=VARIES)


def saved(program: Any, placement: Any, path: Path) -> Any:
    """The converted model as it comes back from its file."""
    program.save(program.apply(placement), path)
    return torch.export.load(path).module()


def test_batch_and_sequence_may_vary_after_saving(
    tools: Any, encoder: Any, tmp_path: Path
) -> None:
    model, program = encoder
    loaded = saved(program, tools.all_low(program), tmp_path / "encoder.pt2")
    for batch, length in ((1, 1), (1, 6), (3, 16), (64, 2)):
        inputs = tokens(batch, length)
        found = loaded(*inputs)
        assert found.shape == (batch, length, 50)
        assert tools.error(tools.in_fp64(model, *inputs), found) < 0.03


def test_a_batch_of_one_does_not_fix_the_batch_size(tools: Any, tmp_path: Path) -> None:
    model = Encoder()
    program = tools.trace(model, *tokens(1, 1), shapes=VARIES)
    loaded = saved(program, tools.all_fp32(program), tmp_path / "encoder.pt2")
    inputs = tokens(5, 7)
    assert tools.error(tools.in_fp64(model, *inputs), loaded(*inputs)) < 1e-5


def test_embedding_and_head_that_are_tied_are_saved_once(
    tools: Any, encoder: Any, tmp_path: Path
) -> None:
    _model, program = encoder
    ops = program.graph.by_id
    table = ops["tokens:embedding:0"].inputs[0].tensor
    assert ops["head:linear:0"].inputs[1].tensor == table
    loaded = saved(program, tools.all_low(program), tmp_path / "encoder.pt2")
    shapes = [(w.shape, w.dtype) for w in loaded.state_dict().values()]
    assert shapes.count((torch.Size([50, 16]), torch.bfloat16)) == 1
    assert (torch.Size([50, 16]), torch.float32) not in shapes


def test_integers_and_masks_pass_through_uncast(tools: Any, encoder: Any) -> None:
    _model, program = encoder
    graph = program.graph
    assert graph.inputs == ("ids", "mask")
    assert [graph.tensors[name].dtype for name in graph.inputs] == ["int64", "bool"]
    assert graph.tensors["ids"].shape == (2, 6)
    converted = program.apply(tools.all_low(program))
    cast = [
        node.args[0].op
        for node in converted.graph.nodes
        if node.target is torch.ops.aten._to_copy.default
    ]
    assert "placeholder" not in cast


def test_a_sequence_beyond_what_the_model_holds_is_refused_by_the_saved_file(
    encoder: Any, tools: Any, tmp_path: Path
) -> None:
    _model, program = encoder
    loaded = saved(program, tools.all_fp32(program), tmp_path / "encoder.pt2")
    with pytest.raises(AssertionError, match="<= 16"):
        loaded(*tokens(2, 17))


def test_a_size_that_the_model_fixes_can_not_be_dynamic(tools: Any) -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(4, 6) if x.shape[0] == 4 else x

    with pytest.raises(ModelError) as caught:
        tools.trace(Fixed(), torch.randn(4, 6))
    assert "torch.export can't trace the model" in caught.value.message
    assert "`batch` (dimension 0 of input0)" in caught.value.message
    assert "Write 4 for `batch` in model.inputs" in caught.value.remedy


def test_control_flow_on_values_is_an_error_that_shows_the_line(tools: Any) -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.sum() > 0:
                return x
            return -x

    with pytest.raises(ModelError, match="can't trace the model") as caught:
        tools.trace(Branches(), torch.randn(4, 6))
    assert "`if x.sum() > 0:` depends on the values" in caught.value.message
    assert "test_inputs.py:" in caught.value.message
    assert "torch.cond" in caught.value.remedy


class Forms(nn.Module):
    """Outputs of every form, made from two inputs and an integer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.table = nn.Linear(4, 4), nn.Embedding(5, 4)
        self.register_buffer("anchors", torch.randn(3, 4))

    def forward(self, x: torch.Tensor, y: torch.Tensor, i: torch.Tensor) -> Any:
        hidden = self.fc(x) + y + self.table(i)
        return OrderedDict(
            [
                ("hidden", hidden),
                ("again", (hidden, [hidden, None])),
                ("input", x),
                ("anchors", self.anchors),
                ("scaled", self.anchors * 2),
                ("classes", hidden.argmax(-1)),
                ("many", {"mask": hidden > 0, "wide": hidden.double()}),
                ("number", 3),
            ]
        )


@pytest.fixture(scope="module")
def forms(tools: Any) -> Any:
    torch.manual_seed(0)
    model = Forms()
    batch = torch.randn(3, 4), torch.randn(3, 4), torch.randint(0, 5, (3,))
    return model, batch, tools.trace(model, *batch)


@pytest.mark.parametrize("low", [True, False])
def test_outputs_keep_their_structure_dtypes_and_values(
    tools: Any, forms: Any, low: bool, tmp_path: Path
) -> None:
    model, batch, program = forms
    placement = tools.all_low(program) if low else tools.all_fp32(program)
    expected = model(*batch)
    for converted in (
        program.apply(placement),
        saved(program, placement, tmp_path / "forms.pt2"),
    ):
        found = converted(*batch)
        assert type(found) is OrderedDict
        assert list(found) == list(expected)
        assert found["number"] == 3
        assert found["again"][1][1] is None
        pairs = list(zip(tools.leaves(expected), tools.leaves(found), strict=True))
        assert [a.dtype for a, _b in pairs] == [b.dtype for _a, b in pairs]
        assert torch.equal(found["input"], batch[0])
        assert torch.equal(found["anchors"], model.anchors)
        close = {"rtol": 2e-2, "atol": 2e-2} if low else {"rtol": 1e-5, "atol": 1e-5}
        assert torch.allclose(found["hidden"], expected["hidden"], **close)


def test_the_graph_names_each_output_as_often_as_it_is_returned(forms: Any) -> None:
    _model, _batch, program = forms
    hidden = ":add:1"
    assert program.graph.outputs[:4] == (hidden, hidden, hidden, "x")
    assert program.graph.tensors[program.graph.outputs[4]].constant
    assert len(program.graph.outputs) == 9


def test_a_predictor_flattens_outputs_for_metrics(forms: Any) -> None:
    _model, batch, _program = forms
    predict = pytorch.predictor(
        lambda *inputs: {"a": inputs[0].bfloat16(), "b": [inputs[2]]}
    )
    first, second = predict(batch)
    assert (first.dtype, second.dtype) == ("float32", "int64")
    assert first.shape == (3, 4)


def test_an_input_that_nothing_reads_stays_an_input(tools: Any, tmp_path: Path) -> None:
    class Ignores(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor, unused: torch.Tensor) -> torch.Tensor:
            return self.fc(x)

    batch = torch.randn(3, 4), torch.randn(3, 2)
    program = tools.trace(Ignores(), *batch)
    loaded = saved(program, tools.all_low(program), tmp_path / "ignores.pt2")
    assert loaded(*batch).shape == (3, 4)


def test_one_tensor_given_twice_is_two_inputs(tools: Any) -> None:
    class Differs(nn.Module):
        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return inputs[0] - 2 * inputs[1]

    x, y = torch.randn(3, 4), torch.randn(3, 4)
    program = tools.trace(Differs(), x, x)
    assert torch.equal(program.prepared.module(x, y), x - 2 * y)


def test_a_mask_of_minus_infinity_stays_finite_in_bf16(tools: Any) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q = self.q(x)
            mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
            weights = (q @ q.mT).masked_fill(mask, float("-inf")).softmax(-1)
            return F.scaled_dot_product_attention(q, q, weights @ q, attn_mask=~mask)

    model, x = Masked(), torch.randn(2, 5, 8)
    program = tools.trace(model, x)
    placement = tools.all_low(program)
    assert {p for op, p in placement.items() if program.graph.by_id[op].flops} == {
        "bf16"
    }
    assert tools.error(tools.in_fp64(model, x), program.apply(placement)(x)) < 0.02


WRONG = {
    "too few inputs": ([(3, 4)], [("batch", 4), ("batch", 4)], "gives 1 inputs"),
    "another size": ([(3, 5)], [("batch", 4)], r"has shape \(3, 5\)"),
    "another rank": ([(3, 4, 1)], [("batch", 4)], r"has shape \(3, 4, 1\)"),
    "unequal batches": ([(3, 4), (2, 4)], [("batch", 4)] * 2, "input1 has shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_batch_that_is_not_what_the_spec_declares_is_refused(
    case: str,
) -> None:
    from narrowcast.runtime.frameworks.inputs import Input
    from narrowcast.runtime.graph.graph import Precision

    given, declared, message = WRONG[case]
    inputs = [Input(f"input{k}", shape, "float32") for k, shape in enumerate(declared)]
    batch = tuple(torch.randn(shape) for shape in given)
    with pytest.raises(DataError, match=message):
        pytorch.trace(nn.Identity(), batch, low=Precision.BF16, inputs=inputs)


def test_what_is_no_module_is_refused(tools: Any) -> None:
    class Odd:
        def eval(self) -> Any:
            return {"state": 1}

    with pytest.raises(ModelError, match=r"the model is dict, not a torch\.nn\.Module"):
        tools.trace(Odd(), torch.randn(3, 4))
