"""Scripts with a copy of the runtime, where narrowcast is not installed."""

from __future__ import annotations

from pathlib import Path

import end_to_end
import numpy as np
import one_model
import vendored

FACTORY = """
from mxnet.gluon import nn


def build():
    net = nn.HybridSequential(prefix="digits_")
    with net.name_scope():
        for channels in (32, 64, 128):
            net.add(nn.Conv2D(channels, 3, padding=1), nn.Activation("relu"))
            net.add(nn.MaxPool2D(2))
        net.add(nn.Flatten(), nn.Dense(256), nn.Activation("relu"), nn.Dense(10))
    return net
"""


def test_a_copy_gives_the_same_bytes(tmp_path: Path) -> None:
    """Of a model that a module of the user's makes, which is beside the script."""
    from narrowcast.runtime.frameworks.mxnet.ir.library import mx

    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "digits_net.py").write_text(FACTORY)
    made: dict[str, object] = {}
    exec(FACTORY, made)
    net = made["build"]()  # type: ignore[operator]
    net.initialize()
    net(mx.nd.array(np.zeros((1, 1, 28, 28), np.float32)))
    parameters = net.collect_params().values()
    for each, value in zip(parameters, one_model.weights().values(), strict=True):
        each.set_data(mx.nd.array(value))
    net.save_parameters(str(folder / "net.params"))
    model = {
        "framework": "mxnet",
        "factory": "digits_net:build",
        "weights": "net.params",
        "inputs": [{"name": "data", "shape": ["batch", 1, 28, 28]}],
    }
    project = end_to_end.project_in(folder)
    vendored.check_vendored(project, model, "bf16", "net.bf16-*")
