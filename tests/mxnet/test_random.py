"""Models that draw random numbers: every run begins with the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.network import Network
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.frameworks.protocol import restart
from narrowcast.runtime.graph.graph import Precision

S = mx.sym
RANDOM = np.random.default_rng(6)


def _noisy() -> Network:
    hidden = S.FullyConnected(S.var("data"), num_hidden=6, no_bias=True, name="fc")
    dropped = S.Dropout(hidden, p=0.5, mode="always", name="dropped")
    noisy = S.tanh(S.shuffle(dropped) + S.random.normal(shape=(8, 6), name="noise"))
    made = S.FullyConnected(noisy, num_hidden=3, no_bias=True, name="out")
    shapes = {"fc_weight": (6, 5), "out_weight": (3, 6)}
    values = {n: RANDOM.standard_normal(s, np.float32) for n, s in shapes.items()}
    return canonical(made, values)


def test_comparisons_begin_with_the_same_random_numbers(
    tools: Any, tmp_path: Path
) -> None:
    network, batch = _noisy(), (RANDOM.standard_normal((8, 5), np.float32),)
    program = tools.trace(network, *batch)
    placement = tools.all_low(program)
    assert placement["fc"] is placement["out"] is Precision.BF16
    assert {placement[n] for n in ("dropped", "noise")} == {Precision.FP32}
    low = [name for name, each in placement.items() if each is Precision.BF16]
    assert 0 < program.error(Precision.BF16, low) < 0.02
    saved = program.save(program.apply(placement), tmp_path / "net-symbol.json")
    models = adapter.predictor(network), adapter.load_saved(saved)
    found = []
    for model in (*models, *models):
        restart(model)
        found.append([model(batch)[0], model(batch)[0]])
    assert tools.error(found[0], found[2]) == 0
    assert tools.error(found[0], found[1]) < 0.02
    assert tools.error(found[0][:1], found[0][1:]) > 0.1  # noise goes on
