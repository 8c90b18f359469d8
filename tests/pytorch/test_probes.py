"""What a kernel can do is found out by running it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from narrowcast.runtime.frameworks.pytorch.measuring.probes import (
    compared,
    relative_error,
)
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins, Why
from narrowcast.runtime.search.limits.capability import capability_pins
from narrowcast.runtime.search.limits.reasons import hard_pins

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32


class Calls(nn.Module):
    """A function between two layers, so that casts must stand around it."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.function(self.first(x))
        return self.last(y if y.shape == x.shape else y.expand(x.shape))


def fixed_shapes(tools: Any, model: nn.Module, x: torch.Tensor, low: Any = BF16) -> Any:
    return tools.trace(model, x, shapes=[tuple(x.shape)], low=low)


def definite(x: torch.Tensor) -> torch.Tensor:
    return x @ x.mT + 6 * torch.eye(6)


MISSING = {
    "linalg_inv": lambda x: torch.linalg.inv(definite(x)),
    "linalg_cholesky": lambda x: torch.linalg.cholesky(definite(x)),
    "linalg_svd": lambda x: torch.linalg.svd(x)[1].unsqueeze(-1),
    "linalg_qr": lambda x: torch.linalg.qr(definite(x))[0],
    "linalg_solve": lambda x: torch.linalg.solve(definite(x), x),
    "cdist": lambda x: torch.cdist(x, x + 1),
    "quantile": lambda x: torch.quantile(x, 0.3, -1, keepdim=True),
    "special_zeta": lambda x: torch.special.zeta(x.abs() + 2, x.abs() + 1),
    "special_bessel_j0": torch.special.bessel_j0,
}


def reason_of_torch(type_: str, x: torch.Tensor) -> str:
    """What torch itself says when it is asked for the op in bf16."""
    operator = getattr(torch.ops.aten, type_)
    low = x.bfloat16()
    arguments = {
        "linalg_solve": (low, low),
        "cdist": (low, low),
        "quantile": (low, 0.3, -1),
        "special_zeta": (low, low),
    }.get(type_, (low,))
    with pytest.raises(RuntimeError) as caught:
        operator(*arguments)
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize("type_", MISSING)
def test_an_op_without_a_kernel_stays_fp32_and_torch_says_why(
    tools: Any, type_: str
) -> None:
    torch.manual_seed(0)
    model, x = Calls(MISSING[type_]), torch.randn(3, 6, 6)
    program = fixed_shapes(tools, model, x)
    (op,) = (op for op in program.graph.ops if op.type == type_)
    assert program.probes[op.id].output is None
    assert op.kernel(BF16) is None
    reason = capability_pins(program.graph, BF16, program.probes)[op.id]
    assert reason.why is Why.NO_KERNEL
    assert reason.text == f"no bf16 kernel: {reason_of_torch(type_, definite(x))}"
    placement = tools.all_low(program)
    assert placement[op.id] == FP32
    assert placement["first:linear:0"] == placement["last:linear:0"] == BF16
    with torch.no_grad():
        assert program.apply(placement)(x).isfinite().all()


def test_a_probe_measures_what_the_kernel_rounds(tools: Any) -> None:
    """bf16 keeps 8 bits: rounding a uniform value errs by 2^-9 / √3 at most, RMS."""
    program = tools.trace(Calls(lambda x: x.exp()), torch.randn(3, 6, 6))
    for name in ("first:linear:0", ":exp:0"):
        assert 2**-12 < program.probes[name].error < 2**-6
        assert program.probes[name].output is BF16


def test_ops_that_carry_no_precision_are_fixed_and_not_probed(tools: Any) -> None:
    program = tools.trace(
        Calls(lambda x: torch.where(x.argmax(-1, True) > 2, x, x.double().float())),
        torch.randn(3, 6, 6),
    )
    pins = capability_pins(program.graph, BF16, program.probes)
    fixed = {name for name, reason in pins.items() if reason.why is Why.FIXED}
    assert fixed == {":argmax:0", ":gt:0", ":to:0", ":to:1"}
    assert fixed.isdisjoint(program.probes)


def test_a_kernel_that_makes_fp32_from_bf16_is_known_as_one(tools: Any) -> None:
    program = tools.trace(
        Calls(lambda x: x.cumsum(-1, dtype=torch.float32)), torch.randn(3, 6, 6)
    )
    assert program.probes[":cumsum:0"].output is FP32
    kernel = program.graph.by_id[":cumsum:0"].kernel(BF16)
    assert kernel is not None
    assert (kernel.input, kernel.output) == (BF16, FP32)


RANGES = {
    "overflow": (lambda x: x * 1e6, ":mul:0"),
    "exponential": (lambda x: (x.abs() + 12).exp().log(), ":exp:0"),
}


@pytest.mark.parametrize("case", RANGES)
def test_what_leaves_fp16s_range_is_pinned_for_its_range(tools: Any, case: str) -> None:
    function, name = RANGES[case]
    torch.manual_seed(0)
    x = torch.randn(3, 6, 6)
    program = tools.trace(Calls(function), x, low=FP16)
    reason = hard_pins(program, FP16, Pins()).pins[name]
    assert reason.why is Why.RANGE
    assert reason.text.startswith(f"{name} reaches ")
    assert reason.text.endswith(", beyond fp16's 65504")
    assert reason.number is not None
    assert reason.number > 65504
    assert tools.all_low(program, FP16)[name] == FP32
    in_bf16 = tools.trace(Calls(function), x)
    assert name not in hard_pins(in_bf16, BF16, Pins()).pins


def test_infinities_that_fp32_has_too_are_no_range_problem(tools: Any) -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        return x.masked_fill(x > 0, float("-inf")).logsumexp(-1, True).exp()

    program = fixed_shapes(tools, Calls(function), torch.randn(3, 6, 6), FP16)
    assert ":masked_fill:0" not in hard_pins(program, FP16, Pins()).pins


def test_what_other_tensors_an_op_returns_must_keep_their_dtypes() -> None:
    wide, low = torch.ones(3), torch.ones(3, dtype=torch.bfloat16)
    indices = torch.ones(3, dtype=torch.int64)
    assert compared([wide, indices], [low, indices], torch.bfloat16).output is BF16
    assert compared([wide], [wide], torch.bfloat16).output is FP32
    for odd in ([low, indices.int()], [wide.double(), indices], [wide.half(), indices]):
        assert compared([wide, indices], odd, torch.bfloat16).output is None
    assert compared([wide, wide], [wide, low], torch.bfloat16).output is None


def test_the_relative_error_is_that_of_rms() -> None:
    reference = torch.tensor([3.0, -4.0, float("inf")])
    value = torch.tensor([3.0, -4.5, float("inf")])
    assert relative_error(reference, value) == pytest.approx(0.1)
    assert relative_error(reference, reference) == 0
    assert relative_error(reference, value * float("nan")) == float("inf")
    assert relative_error(torch.zeros(3), torch.zeros(3)) == 0
    assert relative_error(torch.tensor([1, 2]), torch.tensor([1, 3])) == 0


def test_batch_norm_keeps_its_statistics_in_fp32_beside_a_bf16_input(
    tools: Any,
) -> None:
    class Norms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(F.relu(x))

    model, x = Norms(), torch.randn(8, 6)
    model.norm.running_var.uniform_(0.5, 2)
    program = tools.trace(model, x)
    converted = program.apply(dict.fromkeys(program.graph.by_id, BF16))
    assert {w.dtype for w in converted.state_dict().values()} == {torch.float32}
    with torch.no_grad():
        assert tools.error(tools.in_fp64(model, x), converted(x)) < 0.01
