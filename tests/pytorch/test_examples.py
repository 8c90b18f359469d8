"""The small example, from its packages to the committed plan's scores."""

from __future__ import annotations

from pathlib import Path

from committed import Example, check


def test_mnist(tmp_path: Path) -> None:
    example = Example("mnist", "mnist.yaml", "mnist_cnn", 0.996)
    check(example, tmp_path)
