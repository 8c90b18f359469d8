"""Models that come quantized: what is int8 stays so, and what is between goes low."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import placements
import pytest
import quantized_tensorflow
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.tensorflow.ir.frozen import Frozen
from narrowcast.runtime.frameworks.tensorflow.running.session import GraphSession
from narrowcast.runtime.graph.graph import Kind, Precision

BF16, FP32 = Precision.BF16, Precision.FP32


@dataclass(frozen=True)
class Loaded:
    """A frozen graph as a loaded model is one."""

    frozen: Frozen

    @property
    def signature(self) -> Any:
        return self.frozen.signatures[0]

    def __call__(self, inputs: Any, /) -> tuple[Any, ...]:
        (made,) = self.frozen.outputs
        return GraphSession(self.frozen.graph_def, ["x:0"], [made.tensor], {})(inputs)

    def freeze(self) -> Frozen:
        return self.frozen


CASES = {
    "convolution": (
        quantized_tensorflow.convolved,
        "c",
        2 * (2 * 8 * 8 * 8) * 3 * 3 * 16,
    ),
    "product": (quantized_tensorflow.multiplied, "m", 2 * 4 * 64 * 32),
}


@pytest.mark.parametrize("name", CASES)
def test_int8_kernels_stay_and_the_rest_goes_low(name: str, tmp_path: Path) -> None:
    make, op, flops = CASES[name]
    frozen, batch = make()
    program = adapter.trace(Loaded(frozen), (batch,), low=BF16)
    graph = program.graph
    assert graph.by_id[op].quantized and graph.by_id[op].kind is Kind.FIXED
    assert graph.flops_int8(dict.fromkeys(graph.by_id, FP32)) == flops
    placement = placements.all_low(program)
    assert placement["p"] is BF16
    model = program.apply(placement)
    before = {node.name: node for node in program.frozen.graph_def.node}
    after = {node.name: node for node in model.graph_def.node}
    assert after[op] == before[op] and after["w"] == before["w"]
    saved = adapter.load_saved(program.save(model, tmp_path / "saved"))
    (reference,), (found,) = Loaded(frozen)((batch,)), saved((batch,))
    assert 0 < relative_error(reference, found) < 0.02


def test_dequantize_writes_16_bits_by_itself() -> None:
    frozen, batch = quantized_tensorflow.convolved()
    program = adapter.trace(Loaded(frozen), (batch,), low=BF16)
    placement = dict.fromkeys(program.graph.by_id, FP32) | {"flat": BF16, "p": BF16}
    after = {n.name: n for n in program.apply(placement).graph_def.node}
    assert after["d/bf16"].attr["dtype"].type == tf.bfloat16.as_datatype_enum
    assert after["flat"].input[0] == "d/bf16"
    assert not any(
        node.op == "Cast" and node.input[0] == "d" for node in after.values()
    )


FAKES: dict[str, Callable[[Any], Any]] = {
    "vars": lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -4.0, 4.0),
    "args": lambda x: tf.quantization.fake_quant_with_min_max_args(x, -4.0, 4.0),
    "both": lambda x: tf.quantization.quantize_and_dequantize_v2(
        x, -4.0, 4.0, range_given=True
    ),
}


@pytest.mark.parametrize("name", FAKES)
def test_fake_quantized_models_are_floats(name: str, freeze: Any, all_low: Any) -> None:
    w = quantized_tensorflow.normal(16, 16) / 4
    batch = (quantized_tensorflow.normal(8, 16, seed=1),)

    def model(x: Any) -> Any:
        return tf.matmul(FAKES[name](x), w)

    program = adapter.trace(freeze(model, batch), batch, low=BF16)
    graph = program.graph
    (fake,) = [op for op in graph.ops if op.type.startswith(("FakeQ", "QuantizeA"))]
    assert fake.kind is Kind.FIXED and not fake.quantized
    placement = all_low(program)
    (product,) = [op for op in graph.ops if op.kind is Kind.COMPUTE]
    assert placement[product.id] is BF16 and not graph.flops_int8(placement)
    error = program.error(BF16, [product.id])
    assert 0 < error < 0.02 and np.isfinite(error)
