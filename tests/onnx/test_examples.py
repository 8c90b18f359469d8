"""The small example, from its packages to the committed plan's scores."""

from __future__ import annotations

from pathlib import Path

from committed import Example, check


def test_mnist(tmp_path: Path) -> None:
    prepare = ("prepare.py", "onnx_model.py")
    example = Example("mnist", "mnist_onnx.yaml", "mnist_onnx", 0.996, prepare)
    check(example, tmp_path)


def test_mnist_in_int8(tmp_path: Path) -> None:
    prepare = ("prepare.py", "onnx_model.py")
    check(Example("mnist", "mnist_int8.yaml", "mnist_int8", 0.996, prepare), tmp_path)
