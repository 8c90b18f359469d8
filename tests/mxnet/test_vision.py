"""The networks of Gluon's own zoo, with random weights: how much of them is low."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.graph.graph import Precision

vision = mx.gluon.model_zoo.vision

NETWORKS: dict[str, Callable[[], Any]] = {
    "resnet18_v1": vision.resnet18_v1,
    "mobilenet_v2": vision.mobilenet_v2_0_5,
}


@pytest.fixture(scope="module", params=NETWORKS)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tools: Any
) -> tuple[Path, Any]:
    mx.random.seed(1)
    model = NETWORKS[request.param]()
    model.initialize(mx.init.Xavier())
    batch = np.random.default_rng(1).standard_normal((2, 3, 64, 64), np.float32)
    folder = tmp_path_factory.mktemp("vision")
    return tools.saved(model, folder, batch, name="net"), batch


def test_a_real_network_is_low_small_and_near(
    exported: tuple[Path, Any], tools: Any, tmp_path: Path
) -> None:
    path, batch = exported
    parameters = path.with_name("net-0000.params")
    model = adapter.load_symbol(path, parameters)
    program = tools.trace(model, batch)
    placement = tools.all_low(program)
    assert tools.low_share(program, placement) >= 0.9
    saved = program.save(program.apply(placement), tmp_path / "net.bf16-symbol.json")
    size = saved.with_name("net.bf16-0000.params").stat().st_size
    assert size <= 0.6 * parameters.stat().st_size
    expected = adapter.predictor(model)((batch,))
    error = tools.error(expected, adapter.load_saved(saved)((batch,)))
    low = [name for name, each in placement.items() if each == Precision.BF16]
    assert error <= 1.5 * program.error(Precision.BF16, low)


def test_the_error_is_no_larger_than_amps(
    exported: tuple[Path, Any], tools: Any
) -> None:
    """MXNet's own conversion folds norms into weights that it rounded, towards zero."""
    path, batch = exported
    prefix = str(path).removesuffix("-symbol.json")
    model = adapter.load_symbol(path, path.with_name("net-0000.params"))
    program = tools.trace(model, batch)
    expected = adapter.predictor(model)((batch,))
    ours = adapter.predictor(program.apply(tools.all_low(program)))((batch,))
    from mxnet.contrib import amp

    converted = amp.convert_model(
        *mx.model.load_checkpoint(prefix, 0), target_dtype="bfloat16"
    )
    symbol, arguments, states = converted
    executor = symbol.bind(
        mx.cpu(), {**arguments, "data": mx.nd.array(batch)}, aux_states=states
    )
    (theirs,) = executor.forward(is_train=False)
    assert tools.error(expected, ours) < tools.error(expected, [theirs.asnumpy()])


def test_times_are_those_of_what_onednn_fuses(
    exported: tuple[Path, Any], tools: Any
) -> None:
    """Each fused group is timed once and costs its contraction; casts have a cost."""
    path, batch = exported
    model = adapter.load_symbol(path, path.with_name("net-0000.params"))
    program = tools.trace(model, batch)
    ticks = (tick * tick for tick in count())  # no two ops take the same
    lowable = {op.id for op in program.graph.ops if op.kernel(Precision.BF16)}
    timed = program.time(Precision.BF16, lowable, lambda: float(next(ticks)), 1e-9)
    assert {name for name, _precision in timed.ops} == lowable
    free = {
        name
        for (name, precision), each in timed.ops.items()
        if each.median == 0.0 and precision == Precision.FP32
    }
    types = {program.graph.by_id[name].type for name in free}
    assert types & {"Activation", "clip"}
    assert "Convolution" not in types
    shapes = {t.shape for t in program.graph.tensors.values() if not t.constant}
    assert {shape for shape, _source, _target in timed.casts} == shapes
    placements = {"low": tools.all_low(program), "fp32": tools.all_fp32(program)}
    whole = program.time_whole(placements, lambda: float(next(ticks)))
    assert set(whole) == {"low", "fp32"}
