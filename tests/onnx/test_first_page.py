"""The first page of the documentation, followed with an ONNX file."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from pages import follow_page
from project import Project


def save_net(folder: Path) -> None:
    """Images (n, 1, 16, 16) → the largest mean of a row, and of a column (n, 2)."""
    kernels = {"row": (1, 1, 1, 16), "column": (1, 1, 16, 1)}
    nodes, weights = [], []
    for name, shape in kernels.items():
        kernel = np.full(shape, 1 / 16, np.float32)
        weights.append(numpy_helper.from_array(kernel, f"{name}_kernel"))
        nodes += [
            helper.make_node("Conv", ["image", f"{name}_kernel"], [f"{name}s"]),
            helper.make_node("Flatten", [f"{name}s"], [f"{name}s_flat"]),
            helper.make_node("ReduceMax", [f"{name}s_flat"], [name], axes=[1]),
        ]
    nodes.append(helper.make_node("Concat", [*kernels], ["logits"], axis=1))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "net",
        [value("image", TensorProto.FLOAT, ["n", 1, 16, 16])],
        [value("logits", TensorProto.FLOAT, ["n", 2])],
        weights,
    )
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), folder / "net.onnx")


def save_pictures(folder: Path) -> None:
    """Noise, one row (label 0) or one column (label 1) of it brighter, as on the page."""
    chance = np.random.default_rng(2)
    images = chance.normal(size=(2000, 1, 16, 16)).astype(np.float32)
    labels = chance.integers(0, 2, 2000)
    for image, label in zip(images[:, 0], labels, strict=True):
        (image.T if label else image)[chance.integers(0, 16)] += 2
    np.savez(folder / "eval.npz", images=images, labels=labels)


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    save_net(tmp_path)
    save_pictures(tmp_path)
    follow_page(Project(tmp_path), "onnx")
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"net.bf16.onnx", "net.plan.json", "net.report.html"}
