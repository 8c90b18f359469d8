"""A factory of Keras' that takes arguments, as a generated script calls it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from narrowcast.codegen import compile_script, render
from narrowcast.runtime.common.errors import ModelError
from narrowcast.runtime.evaluation.loading import loaded
from narrowcast.spec import loads

FACTORY = """
import keras
import numpy as np


class Net:
    @classmethod
    def scaled(cls, sizes, scales):
        layers = [keras.layers.Dense(size, activation="relu") for size in sizes]
        scale = float(np.load(scales))
        return keras.Sequential(
            [keras.Input((4,)), keras.layers.Rescaling(scale), *layers]
        )


def nothing():
    pass
"""

SPEC = """
model:
  name: net
  framework: tensorflow
  factory: {{python: "{module}:{name}", args: {args}}}
  inputs: [{{name: x, shape: [batch, 4]}}]
mixed_precision: {{precisions: bf16}}
"""


def load(folder: Path, name: str, args: str) -> Any:
    """What load_model() of the script returns."""
    module = folder.name.replace("-", "_")
    (folder / f"{module}.py").write_text(FACTORY)
    spec = loads(SPEC.format(module=module, name=name, args=args))
    path = folder / "convert_net.py"
    path.write_text(render(compile_script(spec, folder / "net.yaml", path)))
    sys.path.insert(0, str(folder))
    try:
        return loaded(runpy.run_path(str(path))["load_model"], folder)[0]
    finally:
        sys.path.remove(str(folder))


def test_a_class_method_is_called_with_lists_and_paths(tmp_path: Path) -> None:
    np.save(tmp_path / "scales.npy", 0.5)
    model = load(tmp_path, "Net.scaled", "{sizes: [8, 3], scales: ./scales.npy}").model
    assert isinstance(model, keras.Model)
    assert [each.units for each in model.layers[1:]] == [8, 3]
    assert model.layers[0].scale == 0.5


@pytest.mark.parametrize(
    ("name", "args", "message", "remedy"),
    [
        (
            "Net.scaled",
            "{sizes: [8], scale: 1}",
            "unexpected keyword argument 'scale'",
            "model.factory.args.scale",
        ),
        ("Net.scaled", "{sizes: [8]}", "'scales'", "called without arguments"),
        (
            "Net.scaled",
            "{sizes: [8], scales: ../scales.npy}",
            "scales.npy, which model.factory.args names, does not exist",
            "relative to the spec",
        ),
        ("nothing", "{}", "NoneType", "must return a keras.Model"),
    ],
)
def test_one_that_fails_is_one_message(
    tmp_path: Path, name: str, args: str, message: str, remedy: str
) -> None:
    with pytest.raises(ModelError) as caught:
        load(tmp_path, name, args)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
