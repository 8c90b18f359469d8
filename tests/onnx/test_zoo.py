"""Every model of the zoo converts, keeps its signature, and errs as rounding does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
import pytest

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable, tensorrt
from narrowcast.runtime.graph.graph import Kind, Precision

NAMES = (
    "conv_bn_residual",
    "depthwise",
    "attention",
    "lstm",
    "gru",
    "embedding",
    "multi_output",
    "shared_weight",
    "branch",
    "loop",
    "scan",
    "function",
)
RUNTIMES = (
    (openvino, Precision.BF16),
    (onnxruntime, Precision.FP16),
    (portable, Precision.BF16),
    (tensorrt, Precision.FP16),
)
ROUNDING = {Precision.BF16: 2**-5, Precision.FP16: 2**-8}
"""Half a unit in the last place is 2^-9 and 2^-12, a few ops in a row add up, and some
of OpenVINO's conversions cut off: means of many values are then biased."""


@pytest.mark.parametrize(
    ("runtime", "low"),
    RUNTIMES,
    ids=lambda x: getattr(x, "__name__", str(x)).split(".")[-1],
)
@pytest.mark.parametrize("name", NAMES)
def test_all_that_can_be_is_low_and_errs_as_rounding_does(
    zoo: dict[str, Any],
    tools: Any,
    tmp_path: Path,
    name: str,
    runtime: Any,
    low: Precision,
) -> None:
    case = zoo[name]()
    traced = tools.trace(case, runtime, low)
    placement = tools.all_low(traced, low)
    counted = {op.id: op.flops for op in traced.graph.ops if op.kind is Kind.COMPUTE}
    assert counted and all(counted.values())
    in_16_bits = sum(n for op, n in counted.items() if placement[op] is low)
    assert in_16_bits == sum(counted.values())

    saved = traced.save(traced.apply(placement), tmp_path / "model.onnx")
    found = runtime.load_saved(saved)(case.batch)
    expected = _exact(case)
    errors = [relative_error(a, b) for a, b in zip(expected, found, strict=True)]
    assert 0 < max(errors) < ROUNDING[low]

    was, now = case.model.graph, onnx.load(saved).graph
    assert [_signature(v) for v in was.input] == [_signature(v) for v in now.input]
    assert [_signature(v) for v in was.output] == [_signature(v) for v in now.output]


def _exact(case: Any) -> list[Any]:
    """The model in plain ONNX Runtime, in fp32: exact beside 16 bits."""
    names = [value.name for value in case.model.graph.input]
    session = ort.InferenceSession(case.model.SerializeToString())
    found: list[Any] = session.run(None, dict(zip(names, case.batch, strict=True)))
    return found


def _signature(value: onnx.ValueInfoProto) -> tuple[str, str]:
    return value.name, str(value.type)
