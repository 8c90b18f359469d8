"""What lies where kernels read it fastest: copies that are made once, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F


def called(module: Any) -> list[str]:
    ops = (n for n in module.graph.nodes if n.op == "call_function")
    return [str(n.target).split(".")[1] for n in ops]


def run(module: Any, *batch: torch.Tensor) -> dict[str, torch.Tensor]:
    """What each node of the graph holds."""
    taken = torch.fx.Interpreter(module)
    taken.garbage_collect_values = False
    with torch.no_grad():
        taken.run(*batch)
    return {node.name: value for node, value in taken.env.items()}


class Tables(nn.Module):
    """Embeddings of indices that are columns of one tensor."""

    def __init__(self, axis: int, count: int) -> None:
        super().__init__()
        self.axis = axis
        self.tables = nn.ModuleList(nn.Embedding(9, 4) for _ in range(count))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        parts = [table(ids.select(self.axis, k)) for k, table in enumerate(self.tables)]
        return torch.stack(parts, 1)


@pytest.mark.parametrize(
    ("axis", "count", "copies"), [(1, 3, 1), (-1, 3, 1), (1, 1, 0), (0, 3, 0)]
)
def test_indices_of_several_tables_are_laid_out_in_one_copy(
    tools: Any, axis: int, count: int, copies: int
) -> None:
    model, ids = Tables(axis, count), torch.randint(0, 9, (5, 3, 3))
    shapes = [(5, 3, 3) if axis == 0 else ("batch", 3, 3)]
    program = tools.trace(model, ids, shapes=shapes)
    module = program.prepared.module
    assert called(module).count("contiguous") == copies
    with torch.no_grad():
        assert torch.equal(model(ids), module(ids))
        low = program.apply(tools.all_low(program))(ids)
    assert tools.error(model(ids), low) < 0.01
    if copies:
        seen = run(module, ids)
        picked = [v for name, v in seen.items() if name.startswith("select")]
        assert len(picked) == count and all(v.is_contiguous() for v in picked)


class Encoder(nn.Module):
    """As in Whisper: convolution, axes turned, positions added, a residual, attention."""

    def __init__(self, positions: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv1d(4, 8, 3, padding=1)
        self.positions = nn.Parameter(torch.randn(6, 8)) if positions else None
        self.norm, self.layer = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).permute(0, 2, 1)
        if self.positions is not None:
            x = x + self.positions
        x = x + self.layer(self.norm(x))
        heads = self.layer(x).unflatten(-1, (2, 4)).transpose(1, 2).contiguous()
        return x + F.scaled_dot_product_attention(heads, heads, heads).transpose(
            1, 2
        ).flatten(2)


@pytest.mark.parametrize("positions", [True, False])
def test_a_residual_stream_lies_by_rows_behind_turned_axes(
    tools: Any, positions: bool
) -> None:
    torch.manual_seed(0)
    model, x = Encoder(positions), torch.randn(3, 4, 6)
    program = tools.trace(model, x)
    for placement in (tools.all_fp32(program), tools.all_low(program)):
        module = program.apply(placement)
        seen = run(module, x)
        sums = [v for name, v in seen.items() if name.startswith("add")]
        assert len(sums) == 2 + positions
        assert all(v.is_contiguous() for v in sums)
    assert tools.error(tools.in_fp64(model, x), module(x)) < 0.02


def test_attention_takes_transposed_heads_without_a_copy(tools: Any) -> None:
    model, x = Encoder(), torch.randn(3, 4, 6)
    program = tools.trace(model, x)
    module = program.prepared.module
    (attention,) = (
        n for n in module.graph.nodes if "scaled_dot_product" in str(n.target)
    )
    makers = {str(n.target).split(".")[1] for n in attention.args[:3]}
    assert makers == {"transpose"}
    with torch.no_grad():
        assert tools.error(model(x), module(x)) < 1e-6
    ops = program.graph.ops
    known = {name for op in ops for name in (op.id, *op.absorbed)}
    assert ":contiguous:0" in known


def test_a_copy_that_attention_needs_stays(tools: Any) -> None:
    class Turned(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            heads = x.transpose(2, 3).contiguous()
            return F.scaled_dot_product_attention(heads, heads, heads)

    program = tools.trace(Turned(), torch.randn(2, 2, 4, 6))
    assert "contiguous" in called(program.prepared.module)


class Viewed(nn.Module):
    """Views that need the layout which the model itself makes."""

    def __init__(self) -> None:
        super().__init__()
        self.positions, self.layer = nn.Parameter(torch.randn(6, 8)), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        turned = x.transpose(1, 2) + self.positions
        heads = self.layer(turned).unflatten(-1, (2, 4)).transpose(1, 2).contiguous()
        mask = (turned.mean(-1) > 0)[:, None, None, :]
        seen = F.scaled_dot_product_attention(heads, heads, heads, attn_mask=mask)
        return turned.transpose(1, 2).view(-1, 48), seen.view(-1, 48)


class Strided(Viewed):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        turned = self.layer(x.transpose(1, 2) + self.positions)
        raw = x.transpose(1, 2) * self.positions
        return turned, torch.as_strided(raw, (2, 3), (1, 7))


@pytest.mark.parametrize("network", [Viewed, Strided])
def test_what_depends_on_the_layout_computes_as_before(
    tools: Any, network: type[nn.Module]
) -> None:
    torch.manual_seed(0)
    model, x = network().eval(), torch.randn(3, 8, 6)
    program = tools.trace(model, x)
    for placement, most in (
        (tools.all_fp32(program), 1e-6),
        (tools.all_low(program), 0.03),
    ):
        module = program.apply(placement)
        with torch.no_grad():
            for wanted, found in zip(model(x), module(x), strict=True):
                assert tools.error(wanted, found) < most
