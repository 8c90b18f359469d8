"""The planted models preserve what the trained one computes, in fp64 and in fp32.

NumPy runs them on made-up images; how well it reads digits is for the frameworks' tests.
"""

from __future__ import annotations

from typing import Any

import culprits
import numpy as np
import pytest
import rows
import rows_numpy


@pytest.fixture(scope="module")
def images() -> Any:
    """Rows (20, 28, 28) of grey squares, as dark and as bright as a digit's."""
    random = np.random.default_rng(0).random((20, 7, 7))
    return np.kron(random * (random > 0.6), np.ones((4, 4))) * 3.2 - 0.42


@pytest.mark.parametrize("name", culprits.cases())
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-9), (np.float32, 2e-4)]
)
def test_a_planted_model_computes_the_same(
    name: str, dtype: Any, tolerance: float, images: Any
) -> None:
    """But for what far positions cost in fp32: a wave goes round hundreds of times."""
    case = culprits.cases()[name]
    if case.offsets[1]:
        tolerance = 1e-3
    for number in (0, 1):
        places = case.positions(images, number)
        planted = rows_numpy.run(case.network, (images, places), dtype)
        plain = rows_numpy.run(case.unplanted, (images, rows.positions(len(images))))
        assert len(case.network.outputs) == len(case.unplanted.outputs)
        pairs = zip(case.network.outputs, case.unplanted.outputs, strict=True)
        for found, expected in pairs:
            apart = np.abs(planted[found] - plain[expected])
            assert apart.max() <= tolerance * np.abs(plain[expected]).max()


@pytest.mark.parametrize("name", culprits.cases())
def test_a_model_has_enough_ops_to_search_in(name: str) -> None:
    assert len(culprits.cases()[name].network.steps) >= 100


@pytest.mark.parametrize("name", culprits.cases())
def test_every_culprit_is_a_step(name: str) -> None:
    case = culprits.cases()[name]
    for culprit in case.culprits:
        assert any(rows.belongs(step.name, culprit) for step in case.network.steps)


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"explicit_norm": True}, 8 * 9),
        ({"explicit_softmax": True}, 4 * 4),
        ({"explicit_softmax": True, "raised": 5.0}, 3 * 4),
    ],
)
def test_a_config_changes_how_it_is_written_and_nothing_else(
    options: Any, steps: int, images: Any
) -> None:
    plain, other = rows.network(), rows.network(rows.Config(**options))
    inputs = images, rows.positions(len(images))
    expected, found = rows_numpy.run(plain, inputs), rows_numpy.run(other, inputs)
    np.testing.assert_allclose(
        found["logits.plus"], expected["logits.plus"], rtol=1e-9, atol=1e-9
    )
    assert len(other.steps) == len(plain.steps) + steps


def test_rows_are_told_apart_by_their_position(images: Any) -> None:
    """Else a position that 16 bits spoil would change nothing."""
    right = rows.positions(len(images))
    network = rows.network()
    expected = rows_numpy.run(network, (images, right))["logits.plus"]
    found = rows_numpy.run(network, (images, right[:, ::-1]))["logits.plus"]
    assert np.abs(found - expected).max() > 1


@pytest.mark.parametrize(
    "name",
    [
        "layers.1.mlp.up.times:matmul:0",
        "layers/1/mlp/up/times/MatMul",
        "rows/layers/1/mlp/up/times",
        "layers.1.mlp.up.times",
    ],
)
def test_an_op_of_any_framework_belongs_to_its_step(name: str) -> None:
    assert rows.belongs(name, "layers.1.mlp.up")
    assert rows.belongs(name, "layers.1.mlp.up.times")
    assert not rows.belongs(name, "layers.1.mlp.u")
    assert not rows.belongs(name, "layers.1.mlp.down")
