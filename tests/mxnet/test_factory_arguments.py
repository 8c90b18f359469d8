"""A factory of Gluon's that takes arguments, as a generated script calls it."""

from __future__ import annotations

import runpy
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon.model_zoo import vision

from narrowcast.codegen import compile_script, render
from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.evaluation.loading import loaded
from narrowcast.runtime.frameworks import mxnet as adapter
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.spec import loads

SPEC = """
model:
  name: net
  framework: mxnet
  factory: {{python: "mxnet.gluon.model_zoo.vision:mobilenet0_25", args: {args}}}
  weights: net.params
  inputs: [{{name: data, shape: [batch, 3, 32, 32]}}]
mixed_precision: {{precisions: bf16}}
"""


def load(folder: Path, args: str) -> object:
    """What load_model() of the script returns."""
    spec, path = loads(SPEC.format(args=args)), folder / "convert_net.py"
    path.write_text(render(compile_script(spec, folder / "net.yaml", path)))
    return loaded(runpy.run_path(str(path))["load_model"], folder)[0]


def test_a_model_of_the_zoo_needs_no_python_file(tmp_path: Path) -> None:
    mx.random.seed(0)
    block = vision.mobilenet0_25(classes=7)
    block.initialize(mx.init.Xavier())
    image = mx.nd.random.uniform(shape=(2, 3, 32, 32))
    wanted = block(image).asnumpy()
    block.save_parameters(str(tmp_path / "net.params"))
    model = load(tmp_path, "{classes: 7}")
    inputs = (Input("data", ("batch", 3, 32, 32), "float32"),)
    (found,) = adapter.predictor(model, inputs)((image,))
    assert found.shape == (2, 7)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_an_argument_that_it_does_not_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(tmp_path, "{clases: 7}")
    assert "unexpected keyword argument 'clases'" in caught.value.message
    assert "model.factory.args.clases" in caught.value.remedy
