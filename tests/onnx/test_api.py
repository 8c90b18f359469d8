"""The Python API on ONNX models: Neural Compressor's snippets and behaviours."""

from __future__ import annotations

import gc
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pages import run_page
from project import Project
from snippets import SNIPPETS, lacking, run_snippet, write_conf, write_data

from narrowcast import MixedPrecision, common
from narrowcast.ends import CriterionError
from narrowcast.runtime.common.errors import (
    DataError,
    NarrowcastError,
    RequirementError,
)
from narrowcast.runtime.hardware import requirements


def network() -> onnx.ModelProto:
    """Two layers and a softmax; their ops are called first and last."""
    random = np.random.default_rng(0)
    first = random.standard_normal((16, 32)).astype(np.float32)
    last = random.standard_normal((32, 4)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("MatMul", ["b", "v"], ["y"], name="last"),
    ]
    values = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 16]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4]),
    ]
    weights = [numpy_helper.from_array(first, "w"), numpy_helper.from_array(last, "v")]
    graph = helper.make_graph(nodes, "net", values[:1], values[1:], weights)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9)


def predicted(images: np.ndarray) -> np.ndarray:
    w, v = (numpy_helper.to_array(each) for each in network().graph.initializer)
    return np.maximum(images @ w, 0) @ v


@pytest.fixture
def project(tmp_path: Path) -> Project:
    onnx.save(network(), tmp_path / "model.onnx")
    write_data(tmp_path, predicted, (16,))
    write_conf(tmp_path, "onnx")
    return Project(tmp_path)


def types_of(model: Any) -> set[str]:
    return {node.op_type for node in model.graph.node}


@pytest.mark.few(1)
@pytest.mark.parametrize("name", SNIPPETS)
def test_the_snippets_run_unchanged(project: Project, name: str) -> None:
    saved = run_snippet(project, name, "'./model.onnx'", f"out/{name}.onnx")
    assert "Cast" in types_of(onnx.load(saved))


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, on a machine that lacks bf16: nothing is timed there."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(requirements, "read_cpu", lacking)
    monkeypatch.setenv("FORCE_BF16", "1")
    return project.folder


class Right:
    """The metric of a user."""

    def __init__(self) -> None:
        self.reset()

    def update(self, predictions: Any, labels: Any) -> None:
        self.right += int((predictions.argmax(-1) == labels).sum())
        self.count += len(labels)

    def reset(self) -> None:
        self.right = self.count = 0

    def result(self) -> float:
        return self.right / self.count


def data(batch_size: int = 16) -> common.DataLoader:
    with np.load("data.npz") as archive:
        samples = list(zip(archive["x"], archive["y"], strict=True))
    return common.DataLoader(samples, batch_size=batch_size)


def converter(conf: Any = None, **given: Any) -> MixedPrecision:
    made = MixedPrecision(conf)
    made.model = "model.onnx"
    for name, value in given.items():
        setattr(made, name, value)
    return made


def precisions(result: Any) -> dict[str, str]:
    """Op → what the plan says of it."""
    ops = result.plan["ops"]
    return {
        name: each if isinstance(each, str) else "fp32" for name, each in ops.items()
    }


@pytest.mark.usefixtures("here")
def test_without_evaluation_everything_is_converted_that_can_be(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """5. A configuration without evaluation: no tuning."""
    result = converter({"mixed_precision": {"precisions": "bf16"}})()
    assert result
    assert result.report.trials == 0
    assert set(precisions(result).values()) == {"bf16"}
    assert isinstance(result.model, onnx.ModelProto)
    assert "Cast" in types_of(result.model)
    said = capfd.readouterr()
    assert said.out == ""
    assert "no data was given (converter.eval_dataloader)" in said.err


@pytest.mark.usefixtures("here")
def test_a_metric_is_an_object_or_its_class() -> None:
    """8. A custom metric, and the same as common.Metric."""
    for metric in (Right(), common.Metric(Right, name="right")):
        result = converter(metric=metric, eval_dataloader=data())()
        assert result
        assert result.report.judgement is not None
        assert result.report.judgement.baseline.value == 1.0


@pytest.mark.usefixtures("here")
def test_what_has_no_effect_is_no_error() -> None:
    """A metric beside a function, and one where nothing is executed."""
    scored = converter(
        metric=Right(), eval_func=lambda model: 0.5, eval_dataloader=data()
    )
    result = scored()
    assert result.report.judgement is not None
    assert result.report.judgement.baseline.value == 0.5
    made = converter(
        {"model": {"runtime": "any"}}, metric=Right(), eval_dataloader=data()
    )
    made.model = network()
    result = made()
    assert result.report.judgement is None
    assert result.report.name == "model"


def test_a_dict_names_the_inputs(here: Path) -> None:
    """And what has other names than the model's is told."""
    with np.load(here / "data.npz") as archive:
        x, y = archive["x"], archive["y"]
    result = converter(metric=Right(), eval_dataloader=[({"x": x}, y)])()
    assert result.report.judgement is not None
    with pytest.raises(DataError, match="x"):
        converter(metric=Right(), eval_dataloader=[({"images": x}, y)])()


@pytest.mark.parametrize("kind", ["op_wise", "optype_wise"])
def test_pinned_ops_stay_fp32(here: Path, kind: str) -> None:
    """21. op_name_dict and op_type_dict; 13. one op of a type is left out."""
    pattern = {"op_wise": "last", "optype_wise": "MatMul"}[kind]
    demand = {"activation": {"dtype": ["fp32"]}, "weight": {"dtype": ["fp32"]}}
    result = converter({"quantization": {kind: {pattern: demand}}})()
    # Ops are called after what they give: `a` is made by the node `first`.
    first = "bf16" if kind == "op_wise" else "fp32"
    assert (precisions(result)["a"], precisions(result)["y"]) == (first, "fp32")
    assert "y" in result.report.fp32


def test_a_criterion_that_is_missed_gives_a_false_result(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """20. The goal is never met: theirs gave None, and the best trial was lost."""

    class Never(Right):
        calls = 0

        def result(self) -> float:
            Never.calls += 1
            return 1.0 / Never.calls

    spec = {"tuning": {"exit_policy": {"max_trials": 2}}}
    result = converter(spec, metric=Never, eval_dataloader=data())()
    assert not result
    assert result.missed in capfd.readouterr().err
    with pytest.raises(
        CriterionError, match="not saved: the best of 2 trials"
    ) as missed:
        result.save("out.onnx")
    assert isinstance(missed.value, SystemExit)
    assert missed.value.code == 1
    assert not (here / "out.onnx").exists()
    assert result.save("out.onnx", anyway=True) == Path("out.onnx")
    onnx.checker.check_model(onnx.load("out.onnx"))


def test_what_the_machine_lacks_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1. ONNX fp16 on a CPU without it; 3. ONNX Runtime and bf16: theirs exited with 0."""
    monkeypatch.delenv("FORCE_BF16")
    spec = {"model": {"runtime": "onnxruntime"}}
    with pytest.raises(RequirementError, match="fp16") as refused:
        converter(spec, precisions="fp16")()
    assert isinstance(refused.value, SystemExit)
    assert refused.value.code == 3
    with pytest.raises(NarrowcastError, match="bf16") as refused:
        converter(spec, precisions="bf16")()
    assert refused.value.code in (2, 3)
    with pytest.raises(RequirementError, match="bf16"):
        converter(precisions="bf16")()
    assert not list(here.glob("*.plan.json"))


@pytest.mark.usefixtures("here")
def test_fp16_has_casts(monkeypatch: pytest.MonkeyPatch) -> None:
    """23. fp16 of ONNX Runtime: casts, and inputs and outputs as they were."""
    monkeypatch.setenv("FORCE_FP16", "1")
    result = converter(precisions="fp16")()
    assert "Cast" in types_of(result.model)
    for value in (*result.model.graph.input, *result.model.graph.output):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT


@pytest.mark.nightly
def test_files_are_left_in_the_workspace_alone(
    here: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = sorted(path.name for path in here.iterdir())
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    spec = {"model": {"name": "net"}, "tuning": {"workspace": {"path": "./space"}}}
    for conf in ({"model": {"name": "net"}}, spec):
        result = converter(conf, metric=Right(), eval_dataloader=data())()
        del result
    gc.collect()
    assert sorted(path.name for path in here.iterdir()) == sorted([*before, "space"])
    assert list(temporary.iterdir()) == []
    kept = {path.name for path in (here / "space").iterdir()}
    assert {"net.plan.json", "net.trials.jsonl", "net.bf16.onnx"} <= kept
    spec["tuning"]["workspace"] = {"resume": "./space"}
    resumed = converter(spec, metric=Right(), eval_dataloader=data())()
    assert resumed
    assert resumed.plan["ops"]


def test_the_summary_names_no_file_that_is_gone_later(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert converter(metric=Right(), eval_dataloader=data())()
    said = capsys.readouterr().err
    assert "accuracy" in said
    assert tempfile.gettempdir() not in said.replace(str(here), "")


def test_a_thread_converts_too(here: Path) -> None:
    """Where signals can't be heard."""
    with ThreadPoolExecutor() as pool:
        made = converter(metric=Right(), eval_dataloader=data())
        assert pool.submit(made.fit).result()


def test_weights_beside_a_model_keep_their_file(here: Path) -> None:
    model = network()
    onnx.save(model, "large.onnx", save_as_external_data=True, size_threshold=0)
    made = MixedPrecision()
    made.model = str(here / "large.onnx")
    result = made()
    saved = result.save("renamed.onnx")
    if (here / "renamed.onnx.data").exists():
        assert onnx.load(saved).graph.initializer
    onnx.checker.check_model(str(saved), full_check=True)


@pytest.mark.nightly
def test_the_page_runs(project: Project) -> None:
    said = run_page(project, "onnx", PREAMBLE)
    assert "converted/model.bf16.onnx" in said
    assert "the model missing.onnx does not exist" in said.replace("./", "")


PREAMBLE = """
import numpy as np
from narrowcast import common
MODEL = "./model.onnx"
archive = np.load("data.npz")
images, labels = archive["x"], archive["y"]
dataset = list(zip(images, labels))
"""
