"""The MNIST CNN that all four frameworks convert, and what a user sees of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import end_to_end
import eval_funcs
import numpy as np
import one_model
import onnx
import pytest
from one_model_onnx import written
from onnx import helper

from narrowcast.runtime.common.errors import DataError
from narrowcast.runtime.frameworks.onnx import load_onnx, onnxruntime, openvino
from narrowcast.runtime.graph.graph import Precision


def test_placement_and_accuracy_are_those_of_pytorch(tmp_path: Path) -> None:
    model = load_onnx(written(tmp_path))
    images, labels = one_model.digits()
    program = openvino.trace(model, (images[:64],), low=Precision.BF16, inputs=())
    placement, _ = one_model.placed(program.graph, None)
    converted = openvino.predictor(program.apply(placement))
    fp32 = openvino.predictor(model)((images,))[0]
    one_model.check(
        {
            "placements": one_model.described(program.graph),
            "right": {
                "fp32": one_model.right(fp32, labels),
                "bf16": one_model.right(converted((images,))[0], labels),
            },
        }
    )


def test_from_spec_to_model(tmp_path: Path) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    model = {"framework": "onnx", "runtime": "openvino", "path": "mnist.onnx"}
    end_to_end.check_conversion(project, model, "bf16", "net.bf16.onnx")


def test_fp16_on_onnxruntime(tmp_path: Path) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    model = {"framework": "onnx", "runtime": "onnxruntime", "path": "mnist.onnx"}
    low = {"precisions": "fp16"}
    judged = end_to_end.evaluation()
    project.write(model={"name": "net", **model}, mixed_precision=low, **judged)
    report = project.report()
    assert report["exit_code"] == 0
    assert report["flops_low"] == report["flops"] > 0
    assert report["saved_bytes"] <= 0.6 * report["fp32_bytes"]
    end_to_end.check_replay(project, "net.fp16.onnx")


def test_bad_input(tmp_path: Path) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    model = {"framework": "onnx", "runtime": "openvino", "path": "mnist.onnx"}
    end_to_end.check_bad_input(project, model, "mnist.onnx", "image")


@pytest.mark.few(1)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("runtime", ["tensorrt", "any"])
def test_a_file_for_elsewhere_is_checked_and_said_not_to_be_executed(
    tmp_path: Path, runtime: str, precision: str
) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    model: dict[str, Any] = {"framework": "onnx", "runtime": runtime}
    project.write(
        model={"name": "net", "path": "mnist.onnx", **model},
        mixed_precision={"precisions": precision},
    )
    report = project.report(env={"FORCE_FP16": "", "FORCE_BF16": ""})
    assert report["exit_code"] == 0
    assert report["flops_low"] == report["flops"] > 0
    assert report["latency"] is None
    assert any("not executed" in note for note in report["notes"])
    made = onnx.load(tmp_path / f"net.{precision}.onnx")
    onnx.checker.check_model(made, full_check=True)
    kinds = {each.data_type for each in made.graph.initializer}
    wanted = {"bf16": onnx.TensorProto.BFLOAT16, "fp16": onnx.TensorProto.FLOAT16}
    assert wanted[precision] in kinds
    before = project.hashes(f"net.{precision}.onnx")
    assert project.report()["replayed"]
    assert project.hashes(f"net.{precision}.onnx") == before


def test_bf16_on_onnxruntime_is_refused_with_the_way_out(tmp_path: Path) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    model = {"framework": "onnx", "runtime": "onnxruntime", "path": "mnist.onnx"}
    project.write(model={"name": "net", **model}, **end_to_end.evaluation())
    done = project.run(env={"FORCE_BF16": ""})
    assert done.returncode == 2
    assert "ONNX Runtime has no bf16 arithmetic on CPUs" in done.stderr
    assert "openvino executes bf16" in done.stderr


def test_sizes_and_dtypes_that_the_model_does_not_take_name_the_input(
    tmp_path: Path,
) -> None:
    model = onnx.load(written(tmp_path))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 8
    onnx.save(model, tmp_path / "fixed.onnx")
    images, _ = one_model.digits()
    predict = openvino.predictor(load_onnx(tmp_path / "fixed.onnx"))
    with pytest.raises(DataError) as caught:
        predict((images[:10],))
    assert "input image has shape (10, 1, 28, 28)" in str(caught.value)
    assert "batch_size: 8" in caught.value.remedy
    with pytest.raises(DataError, match=r"takes \(8, 1, 28, 28\)"):
        predict((images[:8].transpose(0, 2, 3, 1),))
    with pytest.raises(DataError) as caught:
        predict((images[:8].astype("float64"),))
    assert "inputs: [{name: image, dtype: float32}]" in caught.value.remedy


def test_ids_that_openvino_would_cut_off_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mod", ["ids", "k"], ["y"])]
    taken = helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["n"])
    given = helper.make_tensor_value_info("y", onnx.TensorProto.INT64, ["n"])
    k = helper.make_tensor("k", onnx.TensorProto.INT64, [], [50])
    graph = helper.make_graph(nodes, "hash", [taken], [given], [k])
    opsets = [helper.make_opsetid("", 13)]
    path = tmp_path / "hash.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    ids = np.array([3, 2**33 + 7])
    (found,) = onnxruntime.predictor(load_onnx(path))((ids,))
    assert found.tolist() == (ids % 50).tolist()
    with pytest.raises(DataError, match="OpenVINO computes integers in 32 bits"):
        openvino.predictor(load_onnx(path))((ids,))
    (found,) = openvino.predictor(load_onnx(path))((ids[:1],))
    assert found.tolist() == [3]


def test_what_nothing_names_is_supplied(tmp_path: Path) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    end_to_end.check_supplied(project, "mnist.onnx")


PREDICTED = """
def predicted(model, images):
    import openvino

    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    found = core.read_model(model.SerializeToString())
    return core.compile_model(found, "CPU", hint)([images])[0]
"""


@pytest.mark.nightly
def test_a_function_of_the_users_judges(tmp_path: Path) -> None:
    written(tmp_path)
    project = end_to_end.project_in(tmp_path)
    model = {"framework": "onnx", "runtime": "openvino", "path": "mnist.onnx"}
    eval_funcs.check_judged(project, model, PREDICTED, "net.bf16.onnx")
    eval_funcs.check_sequences(
        tmp_path,
        {},
        onnx.load(tmp_path / "mnist.onnx"),
        lambda model: any(node.op_type == "Cast" for node in model.graph.node),
    )
