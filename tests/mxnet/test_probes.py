"""Probes: in a child process, which some of MXNet's kernels end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.frameworks.mxnet.ir.library import mx
from narrowcast.runtime.frameworks.mxnet.ir.quantized.canonical import canonical
from narrowcast.runtime.frameworks.mxnet.measuring import journal
from narrowcast.runtime.frameworks.mxnet.measuring import probes as probing
from narrowcast.runtime.frameworks.protocol import Probe
from narrowcast.runtime.graph.graph import Precision

BF16, FP16 = Precision.BF16, Precision.FP16
RANDOM = np.random.default_rng(2)


def network(symbol: Any, **values: Any) -> Any:
    return canonical(symbol, values)


def test_a_kernel_that_aborts_ends_the_child_alone(tools: Any) -> None:
    """`transpose` of four dimensions in bf16 raises where nobody can catch it."""
    x = mx.sym.var("data")
    y = mx.sym.transpose(mx.sym.relu(x, name="before"), axes=(0, 2, 1, 3), name="turn")
    symbol = mx.sym.tanh(mx.sym.transpose(y, axes=(0, 2, 1, 3), name="back"))
    program = tools.trace(
        network(symbol), RANDOM.standard_normal((2, 3, 4, 5), np.float32)
    )
    for name in ("turn", "back"):
        probe = program.probes[name]
        assert probe.output is None
        assert "ends the process" in probe.message
    assert program.probes["before"].output is BF16
    assert program.probes[program.graph.ops[-1].id].output is BF16


@pytest.mark.parametrize("shape", [(5, 8), (4, 8)])
def test_a_kernel_that_writes_nonsense_anywhere_harms_no_other(
    shape: tuple[int, int], tools: Any
) -> None:
    """`transpose` of a matrix in bf16: wrong values, or a heap that breaks later."""
    x = mx.sym.relu(mx.sym.var("data"), name="before")
    turned = mx.sym.transpose(x, name="turn")
    symbol = mx.sym.square(mx.sym.tanh(turned, name="after"), name="last")
    program = tools.trace(network(symbol), RANDOM.standard_normal(shape, np.float32))
    assert program.probes["turn"].output is None
    message = program.probes["turn"].message
    assert "computes something else" in message or "ends the process" in message
    for name in ("before", "after", "last"):
        assert program.probes[name].output is BF16, name


def test_cancellation_is_no_wrong_kernel(tools: Any) -> None:
    """A difference of near values is far off in bf16, rightly computed."""
    x = mx.sym.var("data")
    symbol = mx.sym.broadcast_sub(x + 1000.0, mx.sym.mean(x + 1000.0), name="gap")
    probe = tools.trace(
        network(symbol), RANDOM.standard_normal((4, 8), np.float32)
    ).probes["gap"]
    assert probe.output is BF16
    assert probe.error > 0.1


@pytest.mark.parametrize("name", ["batch_dot", "LayerNorm"])
def test_a_kernel_that_type_inference_accepts_is_run(name: str, zoo: Any) -> None:
    program = zoo("attention").program
    op = next(op for op in program.graph.ops if op.type == name)
    assert program.probes[op.id].output is None
    assert program.probes[op.id].message


def test_every_op_that_could_be_low_is_probed(each: Any) -> None:
    graph = each.program.graph
    assert set(each.program.probes) == {op.id for op in graph.ops if graph.castable(op)}


def test_identical_ops_are_probed_once(tmp_path: Path) -> None:
    x = mx.sym.var("data")
    for k in range(6):
        x = mx.sym.tanh(x, name=f"same{k}")
    data = network(mx.sym.tanh(mx.sym.expand_dims(x, axis=0), name="other"))
    batch = (mx.nd.ones((2, 3)),)
    probing._hand_over(data, batch, tmp_path)
    error = os.dup(2)
    try:
        probing.probe_file(tmp_path, BF16, range(1, len(data.nodes)), {})
    finally:
        os.dup2(error, 2)
    lines = (tmp_path / journal.JOURNAL).read_text().splitlines()[1:]
    started = [line for line in lines if "error" not in line]
    assert len(started) == 3
    assert len(lines) == len(started) + len(data.nodes) - 1


def test_fp16_has_no_contractions_on_a_cpu(tools: Any) -> None:
    x = mx.sym.var("data")
    symbol = mx.sym.FullyConnected(
        x, mx.sym.var("w_weight"), no_bias=True, num_hidden=4, name="dense"
    )
    data = network(symbol, w_weight=RANDOM.standard_normal((4, 8), np.float32))
    batch = RANDOM.standard_normal((2, 8), np.float32)
    probe = tools.trace(data, batch, low=FP16).probes["dense"]
    assert probe.output is None
    assert "float16" in probe.message


def test_a_child_that_dies_of_no_kernel_is_told_as_a_probe() -> None:
    with pytest.raises(ModelError, match="that probed MXNet's kernels died") as caught:
        probing.PROBING.call(os.abort)
    assert "of no kernel in 16 bits" in caught.value.remedy


FINE, SEGFAULT = Probe(BF16, 0.0), ModelError("the process died: exit code 255")


def died(folder: Path, *ran: int, running: int | None = None) -> bool:
    """A child that ran these ops, each twice in the network, and died behind them."""
    journal.write(folder, None)
    for key in ran:
        journal.write(folder, key)
        if key != running:
            journal.write(folder, key, FINE)
            journal.write(folder, key + 100, FINE)
    return journal.bury(folder, SEGFAULT)


def test_a_child_that_dies_between_two_probes_is_followed_by_another(
    tmp_path: Path,
) -> None:
    """The last op may have spoilt its memory: the next child begins with that."""
    assert died(tmp_path, 1, 2, 3)
    assert journal.read(tmp_path).found == dict.fromkeys((1, 2, 101, 102), FINE)
    assert died(tmp_path, 3)
    assert died(tmp_path, 7)
    assert 7 not in journal.read(tmp_path).found  # it may have been by chance
    assert died(tmp_path, 7)
    for key in (3, 103, 7, 107):
        probe = journal.read(tmp_path).found[key]
        assert probe.output is None
        assert "ends the process (a segmentation fault)" in probe.message
    assert died(tmp_path, 4, 5, running=5)
    assert 5 not in journal.read(tmp_path).found
    assert died(tmp_path, 5, running=5)
    assert journal.read(tmp_path).found[5].output is None
    assert journal.read(tmp_path).found[4] == FINE


def test_an_fp32_model_that_kills_its_process_is_told_after_a_few_tries(
    tmp_path: Path,
) -> None:
    assert not died(tmp_path)
    killed = ModelError("the process died: killed by signal 9")
    journal.write(tmp_path, 1)
    journal.write(tmp_path, 1, FINE)
    assert not journal.bury(tmp_path, killed)
    assert journal.read(tmp_path).found == {1: FINE}
    said = probing._keeps_dying(killed)
    assert "that probed MXNet's kernels died 3 times: killed" in said.message
    assert "memory" in said.remedy
    assert "memory" not in probing._keeps_dying(SEGFAULT).remedy
