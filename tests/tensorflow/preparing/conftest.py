"""Freezing and preparing a function, and running what it has become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks.tensorflow.ir.frozen import Frozen
from narrowcast.runtime.frameworks.tensorflow.opening.saved_model import (
    load_saved_model,
)
from narrowcast.runtime.frameworks.tensorflow.preparation.prepare import prepare
from narrowcast.runtime.frameworks.tensorflow.running.session import GraphSession


class Prepared:
    """A function as it is frozen, and as it is prepared; both give the same."""

    def __init__(self, frozen: Frozen, batch: Sequence[np.ndarray]) -> None:
        self.frozen, self.prepared = frozen, prepare(frozen)
        self.expected = computed(frozen, batch)
        found = computed(self.prepared, batch)
        for one, other in zip(found, self.expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)

    @property
    def main(self) -> dict[str, str]:
        """Node → op, constants and inputs left out."""
        nodes = self.prepared.graph_def.node
        return {n.name: n.op for n in nodes if n.op not in ("Const", "Placeholder")}

    @property
    def ops(self) -> list[str]:
        return sorted(self.main.values())

    def body(self, part: str) -> list[str]:
        """Ops of the function whose name has this in it."""
        for function in self.prepared.graph_def.library.function:
            if part in function.signature.name:
                return sorted(n.op for n in function.node_def if n.op != "Const")
        raise KeyError(part)

    def absorbed(self, node: str) -> dict[str, str]:
        return {a.id: a.type for a in self.prepared.absorbed.get(node, ())}


def computed(frozen: Frozen, batch: Sequence[np.ndarray]) -> tuple[Any, ...]:
    session = GraphSession(
        frozen.graph_def,
        [each.tensor for each in frozen.inputs],
        [each.tensor for each in frozen.outputs],
        {},
        frozen.initial,
    )
    return session(tuple(batch))


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Prepared]:
    """Of a function of tensors, saved by plain TensorFlow and loaded again."""

    def make(
        function: Callable[..., Any], *batch: np.ndarray, **variables: Any
    ) -> Prepared:
        module = tf.Module()
        module.variables_ = list(variables.values())
        specs = [
            tf.TensorSpec([None, *value.shape[1:]], value.dtype, name=f"x{k}")
            for k, value in enumerate(batch)
        ]
        signature = tf.function(function, input_signature=specs)
        tf.saved_model.save(module, str(tmp_path / "model"), signatures=signature)
        return Prepared(load_saved_model(tmp_path / "model").freeze(), batch)

    return make


@pytest.fixture
def prepared_again() -> type[Prepared]:
    """The same of a model that is frozen already."""
    return Prepared
