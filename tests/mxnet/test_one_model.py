"""The MNIST CNN that all four frameworks convert, and what a user sees of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import end_to_end
import eval_funcs
import one_model
import pytest

from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.mxnet.ir.library import mx

nn = mx.gluon.nn


@pytest.fixture(scope="module")
def block() -> Any:
    net = nn.HybridSequential()
    for channels in (32, 64, 128):
        net.add(nn.Conv2D(channels, 3, padding=1), nn.Activation("relu"))
        net.add(nn.MaxPool2D(2))
    net.add(nn.Flatten(), nn.Dense(256), nn.Activation("relu"), nn.Dense(10))
    net.initialize()
    net(mx.nd.zeros((1, 1, 28, 28)))
    made = net.collect_params().values()
    for parameter, value in zip(made, one_model.weights().values(), strict=True):
        parameter.set_data(mx.nd.array(value))
    net.hybridize()
    return net


def test_placement_and_accuracy_are_those_of_pytorch(block: Any, tools: Any) -> None:
    images, labels = one_model.digits()
    batch = mx.nd.array(images)
    model = adapter.block_model(block)
    program = tools.trace(model, batch[:64])
    placement, _ = one_model.placed(program.graph, None)
    converted = adapter.predictor(program.apply(placement))
    one_model.check(
        {
            "placements": one_model.described(program.graph),
            "right": {
                "fp32": one_model.right(adapter.predictor(model)((batch,))[0], labels),
                "bf16": one_model.right(converted((batch,))[0], labels),
            },
        }
    )


@pytest.fixture
def exported(block: Any, tmp_path: Path) -> Path:
    block(mx.nd.zeros((1, 1, 28, 28)))
    block.export(str(tmp_path / "mnist"))
    return tmp_path


MODEL = {
    "framework": "mxnet",
    "path": "mnist-symbol.json",
    "weights": "mnist-0000.params",
}


def test_from_spec_to_model(exported: Path) -> None:
    project = end_to_end.project_in(exported)
    end_to_end.check_conversion(project, MODEL, "bf16", "net.bf16-*")


@pytest.mark.parametrize("file", ["mnist-symbol.json", "mnist-0000.params"])
def test_bad_input(exported: Path, file: str) -> None:
    project = end_to_end.project_in(exported)
    end_to_end.check_bad_input(project, MODEL, file, "data")


def test_what_nothing_names_is_supplied(exported: Path) -> None:
    project = end_to_end.project_in(exported)
    inputs = [{"name": "data", "shape": ["batch", 1, 28, 28]}]
    end_to_end.check_supplied(project, "mnist-symbol.json", inputs=inputs)


PREDICTED = """
import mxnet as mx


def predicted(model, images):
    symbol, arguments, states = model
    data = {"data": mx.nd.array(images)}
    bound = symbol.bind(mx.cpu(), {**arguments, **data}, aux_states=states)
    return bound.forward()[0].asnumpy()
"""


@pytest.mark.nightly
def test_a_function_of_the_users_judges(block: Any, exported: Path) -> None:
    project = end_to_end.project_in(exported)
    inputs = [{"name": "data", "shape": ["batch", 1, 28, 28]}]
    model = {**MODEL, "inputs": inputs}
    eval_funcs.check_judged(project, model, PREDICTED, "net.bf16-*")
    eval_funcs.check_sequences(
        exported,
        {"model": {"framework": "mxnet", "inputs": inputs}},
        block,
        lambda model: (
            "amp_cast" in model._cached_graph[1].tojson(remove_amp_cast=False)
        ),
    )
