"""The MNIST CNN that all four frameworks convert, and what a user sees of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import end_to_end
import eval_funcs
import numpy as np
import one_model
import pytest
import tensorflow as tf

from narrowcast.runtime.frameworks import tensorflow as adapter
from narrowcast.runtime.graph.graph import Precision


@pytest.fixture(scope="module")
def exported(net: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("exported")
    net.export(str(folder / "mnist"), verbose=False)
    return folder


def test_placement_and_accuracy_are_those_of_pytorch(exported: Path) -> None:
    images, labels = one_model.digits()
    batch = tf.constant(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
    model = adapter.load_saved_model(exported / "mnist")
    program = adapter.trace(model, (batch[:64],), low=Precision.BF16, inputs=())
    placement, _ = one_model.placed(program.graph, None)
    converted = adapter.predictor(program.apply(placement))
    fp32 = adapter.predictor(model)((batch,))[0]
    one_model.check(
        {
            "placements": one_model.described(program.graph),
            "right": {
                "fp32": one_model.right(fp32, labels),
                "bf16": one_model.right(converted((batch,))[0], labels),
            },
        }
    )


def test_from_spec_to_model(net: Any, tmp_path: Path) -> None:
    net.export(str(tmp_path / "mnist"), verbose=False)
    project = end_to_end.project_in(tmp_path, channels_last=True)
    model = {"framework": "tensorflow", "path": "mnist"}
    end_to_end.check_conversion(project, model, "bf16", "net.bf16")


def test_bad_input(net: Any, tmp_path: Path) -> None:
    net.export(str(tmp_path / "mnist"), verbose=False)
    project = end_to_end.project_in(tmp_path, channels_last=True)
    model = {"framework": "tensorflow", "path": "mnist"}
    end_to_end.check_bad_input(project, model, "mnist/saved_model.pb", "image")


def test_what_nothing_names_is_supplied(net: Any, tmp_path: Path) -> None:
    net.export(str(tmp_path / "mnist"), verbose=False)
    project = end_to_end.project_in(tmp_path, channels_last=True)
    end_to_end.check_supplied(project, "mnist", framework="tensorflow")


PREDICTED = """
import tensorflow as tf


def predicted(model, images):
    with tf.compat.v1.Session(graph=model) as session:
        given = {model.get_tensor_by_name("image:0"): images}
        return session.run(model.get_tensor_by_name("output_0:0"), given)
"""


@pytest.mark.nightly
def test_a_function_of_the_users_judges(net: Any, tmp_path: Path) -> None:
    net.export(str(tmp_path / "mnist"), verbose=False)
    project = end_to_end.project_in(tmp_path, channels_last=True)
    model = {"framework": "tensorflow", "path": "mnist"}
    eval_funcs.check_judged(project, model, PREDICTED, "net.bf16")
    eval_funcs.check_sequences(
        tmp_path,
        {},
        net,
        lambda graph: any(node.type == "Cast" for node in graph.get_operations()),
    )


PINNED = ".*/MatMul"

READ = """
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

saved = tf.saved_model.load(sys.argv[1])
call = saved.signatures["serving_default"]
images = np.load("digits.npz")["images"][:8]
(name,) = call.structured_input_signature[1]
(made,) = call(**{name: tf.constant(images)}).values()
print(made.dtype.name, *sorted({op.type for op in call.graph.get_operations()}))
print(*made.numpy().argmax(1))
"""


def test_a_spec_with_int8_gives_a_model_in_three_precisions(
    net: Any, tmp_path: Path
) -> None:
    net.export(str(tmp_path / "mnist"), verbose=False)
    project = end_to_end.project_in(tmp_path, channels_last=True)
    project.write(
        model={"name": "net", "framework": "tensorflow", "path": "mnist"},
        mixed_precision={"precisions": ["int8", "bf16"]},
        quantization={
            "calibration": {"sampling_size": 100},
            "op_wise": {PINNED: {"activation": {"dtype": ["bf16", "fp32"]}}},
        },
        **end_to_end.evaluation(),
    )
    report = project.report("--no-timing")
    assert report["exit_code"] == 0 and report["judgement"]["holds"]
    plan = project.plan
    assert plan["calibration"]["samples"] == 100
    pinned = {kept for op, kept in plan["ops"].items() if re.fullmatch(PINNED, op)}
    assert pinned == {"bf16"}
    assert plan["graph"]["flops_int8"] > 0 < plan["graph"]["flops_low"]
    done = project.run("net.int8.bf16", command=("-c", READ))
    dtype, *ops = done.stdout.splitlines()[0].split()
    assert dtype == "float32" and "_FusedQuantizedConv2D" in ops, done.stderr
    labels = np.load(tmp_path / "digits.npz")["labels"][:8]
    assert [int(label) for label in done.stdout.splitlines()[1].split()] == [*labels]
