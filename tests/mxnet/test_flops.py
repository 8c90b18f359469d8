"""FLOPs per op, held against numbers computed by hand: 2 for each multiply-add."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from narrowcast.runtime.frameworks.mxnet.ir.flops import flops
from narrowcast.runtime.frameworks.mxnet.ir.network import Node

Shapes = list[tuple[int, ...]]

COUNTED: dict[str, tuple[Node, Shapes, Shapes, int]] = {
    "convolution": (
        Node("Convolution", "", {"kernel": "(3, 3)", "num_filter": "16"}),
        [(2, 8, 10, 10), (16, 8, 3, 3), (16,)],
        [(2, 16, 8, 8)],
        2 * (2 * 16 * 8 * 8) * (8 * 3 * 3),
    ),
    "depthwise": (
        Node("Convolution", "", {"num_group": "8"}),
        [(2, 8, 10, 10), (8, 1, 3, 3)],
        [(2, 8, 8, 8)],
        2 * (2 * 8 * 8 * 8) * 9,
    ),
    "deconvolution": (
        Node("Deconvolution", "", {"kernel": "(2, 2)", "stride": "(2, 2)"}),
        [(1, 8, 4, 4), (8, 6, 2, 2)],
        [(1, 6, 8, 8)],
        2 * (8 * 4 * 4) * (6 * 2 * 2),
    ),
    "dense": (
        Node("FullyConnected", "", {"num_hidden": "5"}),
        [(4, 7), (5, 7), (5,)],
        [(4, 5)],
        2 * 4 * 5 * 7,
    ),
    "dot": (Node("dot", ""), [(4, 7), (7, 5)], [(4, 5)], 2 * 4 * 5 * 7),
    "dot, first transposed": (
        Node("dot", "", {"transpose_a": "True"}),
        [(7, 4), (7, 5)],
        [(4, 5)],
        2 * 4 * 5 * 7,
    ),
    "batch_dot, second transposed": (
        Node("batch_dot", "", {"transpose_b": "True"}),
        [(6, 4, 7), (6, 5, 7)],
        [(6, 4, 5)],
        2 * 6 * 4 * 5 * 7,
    ),
    "gemm": (
        Node("_linalg_gemm", "", {"transpose_a": "True"}),
        [(3, 7, 4), (3, 7, 5), (3, 4, 5)],
        [(3, 4, 5)],
        2 * 3 * 4 * 5 * 7,
    ),
    "lstm, two layers": (
        Node("RNN", "", {"mode": "lstm", "state_size": "5", "num_layers": "2"}),
        [(7, 3, 4), (0,), (2, 3, 5), (2, 3, 5)],
        [(7, 3, 5)],
        2 * 7 * 3 * 4 * 5 * ((4 + 5) + (5 + 5)),
    ),
    "gru, both directions": (
        Node(
            "RNN",
            "",
            {
                "mode": "gru",
                "state_size": "5",
                "num_layers": "1",
                "bidirectional": "True",
            },
        ),
        [(7, 3, 4), (0,), (2, 3, 5)],
        [(7, 3, 10)],
        2 * 2 * 7 * 3 * 3 * 5 * (4 + 5),
    ),
    "scores of four heads": (
        Node("_contrib_interleaved_matmul_selfatt_qk", "", {"heads": "4"}),
        [(6, 2, 3 * 16)],
        [(8, 6, 6)],
        2 * 8 * 6 * 6 * 4,
    ),
    "softmax": (Node("softmax", ""), [(4, 7)], [(4, 7)], 0),
}


@pytest.mark.parametrize("name", COUNTED)
def test_flops_are_those_computed_by_hand(name: str) -> None:
    node, inputs, outputs, expected = COUNTED[name]
    assert flops(node, inputs, outputs) == expected


def test_a_branch_counts_its_larger_body(zoo: Any) -> None:
    """It stays one fixed op in fp32, whose FLOPs still count."""
    graph = zoo("branches").program.graph
    branch = next(op for op in graph.ops if op.type == "_cond")
    assert branch.kind == "fixed"
    assert branch.flops == 2 * 4 * 8 * 8


def test_a_loop_counts_its_body_in_every_iteration(tools: Any) -> None:
    from narrowcast.runtime.frameworks.mxnet.ir.library import mx

    class Loop(mx.gluon.nn.HybridBlock):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            with self.name_scope():
                self.weight = self.params.get("weight", shape=(6, 6))

        def hybrid_forward(self, F: Any, x: Any, start: Any, weight: Any) -> Any:
            def step(row: Any, state: Any) -> Any:
                made = F.FullyConnected(state, weight, no_bias=True, num_hidden=6)
                made = F.tanh(made + row)
                return made, made

            outputs, _state = F.contrib.foreach(step, x, start)
            return outputs

    model = Loop()
    model.initialize()
    random = np.random.default_rng(0)
    x, start = (random.standard_normal(s, np.float32) for s in ((5, 3, 6), (3, 6)))
    program = tools.trace(model, x, start)
    loop = next(op for op in program.graph.ops if op.type == "_foreach")
    assert loop.flops == 5 * 2 * 3 * 6 * 6
    assert loop.kind == "fixed"
