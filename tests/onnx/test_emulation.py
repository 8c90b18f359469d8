"""One compiled graph for all groups of low ops says what converting each would."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, numpy_helper

from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import (
    load_onnx,
    onnxruntime,
    openvino,
    portable,
    program,
    signature,
)
from narrowcast.runtime.frameworks.onnx.openvino.executor import OpenVino
from narrowcast.runtime.frameworks.onnx.running.session import Session
from narrowcast.runtime.graph.graph import Precision

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
RUNTIMES = {"openvino": openvino, "onnxruntime": onnxruntime, "portable": portable}


def squeezenet(tools: Any) -> Any:
    """The net of the onnx wheel, whose weights are all alike there, with random ones."""
    path = Path(str(files(onnx))) / "backend/test/data/light/light_squeezenet.onnx"
    model, random = onnx.load(path), np.random.default_rng(0)
    graph = model.graph
    shapes = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    kept = []
    for node in graph.node[:-1]:  # without the softmax
        if node.op_type == "ConstantOfShape":
            shape = shapes[node.input[0]]
            size = np.prod(shape[1:]) ** -0.5 if len(shape) > 1 else 0.1
            value = (random.standard_normal(shape) * size).astype("f4")
            graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        else:
            kept.append(node)
    model.ir_version = 10  # initializers are no inputs there
    graph.output[0].name = graph.node[-1].input[0]
    (given,) = [each for each in graph.input if each.name not in shapes]
    del graph.node[:], graph.input[:]
    graph.input.append(given)
    graph.node.extend(kept)
    return tools.Case(model, (random.standard_normal((1, 3, 224, 224)).astype("f4"),))


def packaged(tools: Any, package: str, inside: str, *batch: Any) -> Any:
    found = importlib.util.find_spec(package)
    assert found is not None and found.submodule_search_locations
    model = load_onnx(Path(found.submodule_search_locations[0]) / inside)
    return tools.Case(model, batch)


def basic_pitch(tools: Any) -> Any:
    sound = np.random.default_rng(0).standard_normal((1, 43844, 1)) * 0.1
    inside = "saved_models/icassp_2022/nmp.onnx"
    return packaged(tools, "basic_pitch", inside, sound.astype("f4"))


def silero(tools: Any) -> Any:
    """All of it is in the branches of an If."""
    random = np.random.default_rng(0)
    sizes = {"input": (1, 576), "state": (2, 1, 128)}
    given = {name: random.standard_normal(size) * 0.1 for name, size in sizes.items()}
    case = packaged(tools, "silero_vad", "data/silero_vad_op18_ifless.onnx")
    batch = [
        np.array(16000) if one.name == "sr" else given[one.name].astype("f4")
        for one in signature(case.model)
    ]
    return replace(case, batch=tuple(batch))


def errors(
    traced: Any, low: Precision, groups: Sequence[Sequence[str]], runtime: Any
) -> Iterator[tuple[float, float]]:
    """For each group what a pass says of it, and what a converted model does."""
    expected = runtime.predictor(traced.prepared.model)(traced.batch)
    for group in groups:
        placement = {op.id: FP32 for op in traced.graph.ops} | dict.fromkeys(group, low)
        found = runtime.predictor(traced.apply(placement))(traced.batch)
        pairs = zip(expected, found, strict=True)
        off = max(relative_error(*pair) for pair in pairs)
        yield traced.error(low, group), off


def groups(traced: Any, low: Precision, sizes: Sequence[int]) -> list[list[str]]:
    """Random groups of ops that the batch goes through."""
    random = np.random.default_rng(1)
    free = [
        op.id
        for op in traced.graph.ops
        if op.kernel(low) and not any(op.within(skipped) for skipped in traced.skipped)
    ]
    return [
        list(random.choice(free, max(1, len(free) // size), replace=False))
        for size in sizes
    ]


@pytest.mark.few(1)
@pytest.mark.parametrize("net", [squeezenet, basic_pitch, silero])
def test_openvino_errs_as_what_is_converted_for_it(tools: Any, net: Any) -> None:
    """Within a factor of 2 each, where fewer casts are rounded, and half within 1 %."""
    traced = tools.trace(net(tools), openvino)
    ratios = []
    drawn = groups(traced, BF16, [1, 2, 8, 32, 1000, 1000, 1000])
    for found, converted in errors(traced, BF16, drawn, openvino):
        assert converted / 2 < found < converted * 2
        ratios.append(found / converted)
    assert abs(np.median(ratios) - 1) < 0.01


@pytest.mark.few(1)
@pytest.mark.parametrize("low", [BF16, FP16])
@pytest.mark.parametrize("net", [squeezenet, silero])
def test_what_is_imitated_errs_as_what_is_converted(
    tools: Any, net: Any, low: Precision
) -> None:
    traced = tools.trace(net(tools), portable, low)
    drawn = groups(traced, low, [1, 4, 1000, 1000])
    for found, converted in errors(traced, low, drawn, portable):
        assert found == pytest.approx(converted, rel=1e-4) and found > 0


def test_onnxruntime_errs_at_most_as_is_imitated(tools: Any) -> None:
    """It leaves out casts down and up again, so that its own error may be smaller."""
    traced = tools.trace(squeezenet(tools), onnxruntime, FP16)
    drawn = groups(traced, FP16, [1, 2, 8, 1000])
    for found, converted in errors(traced, FP16, drawn, onnxruntime):
        assert 0 < converted < found * 1.2


@pytest.mark.few(1)
@pytest.mark.parametrize(("runtime", "low"), [("openvino", BF16), ("portable", FP16)])
def test_groups_anywhere_err_as_what_is_converted(
    zoo: Any, tools: Any, runtime: str, low: Precision
) -> None:
    """In branches, loops, scans and functions, with shared weights and constants."""
    used = RUNTIMES[runtime]
    for name, make in zoo.items():
        traced = tools.trace(make(), used, low)
        drawn = groups(traced, low, [1, 3])
        near = 0.5 if runtime == "openvino" else 1e-5
        for found, converted in errors(traced, low, drawn, used):
            assert found == pytest.approx(converted, rel=near, abs=1e-12), name


class Counted(OpenVino):
    """OpenVINO, with the models that it was given to compile."""

    def __init__(self) -> None:
        super().__init__()
        self.models: list[ir.Model] = []

    def compile(self, model: ir.Model) -> Session:
        self.models.append(model)
        return super().compile(model)

    def compile_part(self, model: ir.Model) -> Session:
        self.models.append(model)
        return super().compile_part(model)


def test_a_model_is_compiled_once_for_all_groups(zoo: Any) -> None:
    executor, case = Counted(), zoo["conv_bn_residual"]()
    traced = program.trace(
        case.model, case.batch, low=BF16, inputs=(), executor=executor
    )
    before = len(executor.models)
    for group in groups(traced, BF16, [1, 2, 3, 1000, 1000]):
        assert traced.error(BF16, group) > 0
    assert len(executor.models) == before + 1


def test_each_route_through_branches_is_compiled_once(zoo: Any) -> None:
    executor, case = Counted(), zoo["branch"]()
    traced = program.trace(
        case.model, case.batch, low=BF16, inputs=(), executor=executor
    )
    before = len(executor.models)
    for _ in range(3):
        assert traced.error(BF16, ("h",)) > 0
        assert traced.error(BF16, ("z/else_branch/e1",)) > 0
        assert traced.error(BF16, ("h", "z/else_branch/e1")) > 0
    assert len(executor.models) == before + 2


def test_overflow_is_infinite_where_it_is_chosen_and_only_there(tools: Any) -> None:
    """What is not finite is computed in each run, and must not come through."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 16, 16)], "m")
    b.node("Mul", ["m", b.constant("many", 1e6, "f4")], "large")
    b.node("Div", ["large", b.constant("as many", 1e6, "f4")], "small")
    b.node("Sub", ["small", "x"], "y")
    model = b.model([("x", FLOAT, [5, 16])], [("y", FLOAT, [5, 16])])
    case = tools.Case(model, b.random_batch((5, 16)))
    for runtime in (onnxruntime, portable):
        traced = tools.trace(case, runtime, FP16)
        assert traced.error(FP16, ("large",)) == math.inf
        assert 0 < traced.error(FP16, ("m", "y")) < 1e-3
        assert traced.error(FP16, ()) == 0.0


def test_indices_that_a_low_op_returns_are_chosen_with_its_values(tools: Any) -> None:
    b = tools.Builder()
    b.constant("k", [3], "i8")
    b.node("MatMul", ["x", b.weight("w", 16, 4096)], "scores")
    b.node("TopK", ["scores", "k"], ["best", "which"], axis=1)
    b.node("Gather", [b.weight("table", 4096, 8), "which"], "found")
    b.node("Add", ["found", b.weight("bias", 8)], "y")
    model = b.model([("x", FLOAT, [5, 16])], [("y", FLOAT, [5, 3, 8])])
    traced = tools.trace(tools.Case(model, b.random_batch((5, 16))), portable, FP16)
    group = ("scores", "best")
    ((found, converted),) = errors(traced, FP16, [group], portable)
    assert found == pytest.approx(converted, rel=1e-6)
    assert found > 0.1  # other rows of the table


def test_weights_too_many_to_hold_twice_are_converted_for_each_group(
    zoo: Any, tools: Any
) -> None:
    traced = tools.trace(zoo["conv_bn_residual"](), portable)
    reruns = replace(traced._reruns, most=0, passes={})
    scarce = replace(traced._outputs, reruns=reruns, references={})
    for group in groups(traced, BF16, [1, 2, 1000]):
        ops = [traced.graph.by_id[name] for name in group]
        expected = pytest.approx(traced.error(BF16, group), rel=1e-6)
        assert scarce.error(BF16, ops) == expected
