"""The rewriter's cases: casts, constants, names, bodies and types where they must be."""

from __future__ import annotations

import cProfile
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, numpy_helper

from narrowcast.runtime.frameworks.onnx import onnxruntime, openvino, portable
from narrowcast.runtime.frameworks.onnx.ir.serialization import to_bytes
from narrowcast.runtime.frameworks.onnx.writing.archive import check
from narrowcast.runtime.graph.graph import Precision, casts

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
FLOAT, HALF, DOUBLE = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE


def converted(
    tools: Any,
    case: Any,
    low: Any = (),
    precision: Precision = BF16,
    runtime: Any = None,
) -> onnx.ModelProto:
    """The model with the ops named `low`, or all that can be; checked in full."""
    traced = tools.trace(case, runtime or portable, precision)
    placement = (
        {op.id: precision if op.id in low else FP32 for op in traced.graph.ops}
        if low
        else tools.all_low(traced, precision)
    )
    data = to_bytes(traced.apply(placement))
    check(data)
    return onnx.load_from_string(data)


def nodes(model: onnx.ModelProto, *operators: str) -> list[onnx.NodeProto]:
    """All nodes of these operators, those in bodies too."""
    return [n for n in _nodes(model.graph) if n.op_type in operators]


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def dtypes(model: onnx.ModelProto) -> dict[str, int]:
    """Value → type, inferred anew."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    found = {
        v.name: v.type.tensor_type.elem_type
        for v in (*inferred.value_info, *inferred.input, *inferred.output)
    }
    return found | {t.name: t.data_type for t in inferred.initializer}


def test_consumers_of_one_precision_share_a_cast(tools: Any) -> None:
    b = tools.Builder()
    for name in ("a", "c"):
        b.node("MatMul", ["x", b.weight(f"w{name}", 8, 8)], name)
    b.node("Softmax", ["x"], "s")
    b.node("Sum", ["a", "c", "s"], "y")
    model = b.model([("x", FLOAT, [2, 8])], [("y", FLOAT, [2, 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))), low=("a", "c"))
    down = [n for n in nodes(made, "Cast") if n.input[0] == "x"]
    assert len(down) == 1
    assert [n.input[0] for n in nodes(made, "MatMul")] == [down[0].output[0]] * 2
    assert nodes(made, "Softmax")[0].input == ["x"]


def test_an_input_that_is_returned_stays_as_it_is(tools: Any) -> None:
    b = tools.Builder()
    b.node("Identity", ["x"], "same")
    b.node("MatMul", ["x", b.weight("w", 8, 8)], "y")
    outputs = [("same", FLOAT, [2, 8]), ("y", FLOAT, [2, 8])]
    case = tools.Case(b.model([("x", FLOAT, [2, 8])], outputs), b.random_batch((2, 8)))
    made = converted(tools, case, low=("y",))
    (same, _) = portable.predictor(made)(case.batch)
    np.testing.assert_array_equal(same, case.batch[0])


def test_outputs_keep_names_and_types_where_they_are_used_on(
    zoo: Any, tools: Any
) -> None:
    made = converted(tools, zoo["multi_output"]())
    assert [v.name for v in made.graph.output] == ["feature", "scores", "best"]
    kinds = [v.type.tensor_type.elem_type for v in made.graph.output]
    assert kinds == [FLOAT, FLOAT, TensorProto.INT64]
    (up,) = (n for n in nodes(made, "Cast") if n.output[0] == "feature")
    second = nodes(made, "MatMul")[1]
    assert second.input[0] == up.input[0], "what follows reads the 16-bit tensor"


def test_a_chain_of_low_ops_has_casts_at_its_ends_only(zoo: Any, tools: Any) -> None:
    made = converted(tools, zoo["conv_bn_residual"]())
    assert [n.op_type for n in made.graph.node].count("Cast") == 2


def test_casts_are_those_that_the_graph_derives(zoo: Any, tools: Any) -> None:
    case = zoo["attention"]()
    traced = tools.trace(case, portable)
    computing = [op.id for op in traced.graph.ops if op.type == "MatMul"]
    placement = {op.id: BF16 if op.id in computing else FP32 for op in traced.graph.ops}
    proto = ir.to_proto(traced.apply(placement))
    derived = casts(traced.graph, placement)
    assert len(nodes(proto, "Cast")) == len(derived) > 5


def test_resize_takes_scales_in_fp32(tools: Any) -> None:
    b = tools.Builder()
    b.node("Conv", ["x", b.weight("w", 4, 4, 1, 1)], "c")
    b.node(
        "Resize",
        ["c", b.constant("roi", [], "f4"), b.constant("scales", [1, 1, 1.7, 2], "f4")],
        "y",
        mode="linear",
    )
    model = b.model([("x", FLOAT, [1, 4, 10, 10])], [("y", FLOAT, [1, 4, 17, 20])])
    case = tools.Case(model, b.random_batch((1, 4, 10, 10)))
    made = converted(tools, case)
    kinds, (resize,) = dtypes(made), nodes(made, "Resize")
    assert kinds[resize.input[0]] == TensorProto.BFLOAT16
    assert kinds[resize.input[2]] == FLOAT


def test_statistics_that_do_not_fold_stay_fp32(tools: Any) -> None:
    b = tools.Builder()
    b.node("Relu", ["x"], "r")
    given = [b.weight(n, 4, scale=1.0) for n in ("scale", "shift", "mean")]
    b.node(
        "BatchNormalization", ["r", *given, b.constant("var", np.ones(4, "f4"))], "n"
    )
    b.node("Conv", ["n", b.weight("w", 4, 4, 1, 1)], "y")
    model = b.model(
        [("x", FLOAT, [1, 4, 6, 6])], [("y", FLOAT, [1, 4, 6, 6])], opset=15
    )
    made = converted(tools, tools.Case(model, b.random_batch((1, 4, 6, 6))))
    kinds, (norm,) = dtypes(made), nodes(made, "BatchNormalization")
    assert [kinds[name] for name in norm.input] == [TensorProto.BFLOAT16, *[FLOAT] * 4]


def test_what_overflows_is_stored_as_the_largest_in_fp16_and_as_it_is_in_bf16(
    tools: Any,
) -> None:
    b = tools.Builder()
    b.node("Add", ["x", b.constant("mask", [1e9, -1e9, 1.0, -np.inf], "f4")], "y")
    model = b.model([("x", FLOAT, [2, 4])], [("y", FLOAT, [2, 4])])
    case = tools.Case(model, b.random_batch((2, 4)))
    stored = {}
    for low in (BF16, FP16):
        made = converted(tools, case, low=("y",), precision=low)
        (mask,) = made.graph.initializer
        stored[low] = numpy_helper.to_array(mask).astype(np.float32)
    assert stored[FP16].tolist() == [65504.0, -65504.0, 1.0, -np.inf]
    assert (
        np.isfinite(stored[BF16][:2]).all() and abs(stored[BF16][0] / 1e9 - 1) < 0.004
    )


def test_a_weight_of_both_precisions_is_stored_in_both_once_each(
    zoo: Any, tools: Any
) -> None:
    made = converted(tools, zoo["shared_weight"](), low=("m1",))
    kept = {t.name: t.data_type for t in made.graph.initializer}
    assert kept == {"w": FLOAT, "w_bf16": TensorProto.BFLOAT16}
    made = converted(tools, zoo["shared_weight"]())
    assert {t.name: t.data_type for t in made.graph.initializer} == {
        "w": TensorProto.BFLOAT16
    }


def test_weights_in_constant_nodes_are_converted(tools: Any) -> None:
    b = tools.Builder()
    value = numpy_helper.from_array(b.random.standard_normal((8, 8)).astype("f4"))
    b.node("Constant", [], "w", value=value)
    b.node("MatMul", ["x", "w"], "y")
    model = b.model([("x", FLOAT, [2, 8])], [("y", FLOAT, [2, 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))))
    assert dtypes(made)[nodes(made, "MatMul")[0].input[1]] == TensorProto.BFLOAT16
    assert len(to_bytes(ir.from_proto(made))) < 600


def test_islands_of_fp64_and_integers_are_left_alone(tools: Any) -> None:
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 8, 8)], "h")
    b.node("Cast", ["h"], "wide", to=DOUBLE)
    b.node("Mul", ["wide", b.constant("tenth", 0.1, "f8")], "scaled")
    b.node("Cast", ["scaled"], "back", to=FLOAT)
    b.node("MatMul", ["back", b.weight("v", 8, 8)], "y")
    b.node("Mul", ["n", b.constant("two", 2, "i8")], "m")
    model = b.model(
        [("x", FLOAT, [2, 8]), ("n", TensorProto.INT64, [1])],
        [("y", FLOAT, [2, 8]), ("m", TensorProto.INT64, [1])],
    )
    case = tools.Case(model, (*b.random_batch((2, 8)), np.array([3])))
    traced = tools.trace(case, portable)
    assert {o.id for o in traced.graph.ops if o.kind == "fixed"} == {
        "wide", "scaled", "back", "m",
    }  # fmt: skip
    made = converted(tools, case)
    kinds = dtypes(made)
    assert kinds["wide"] == kinds["scaled"] == DOUBLE
    assert [kinds[n.output[0]] for n in nodes(made, "MatMul")] == [
        TensorProto.BFLOAT16,
        TensorProto.BFLOAT16,
    ]


def test_what_the_model_widened_itself_is_not_rounded_anew(tools: Any) -> None:
    """Its own fp16 input goes into fp16 ops as it is; nothing is cast up and down."""
    b = tools.Builder()
    b.node("Cast", ["x"], "wide", to=FLOAT)
    b.node("MatMul", ["wide", b.weight("w", 8, 8)], "y")
    model = b.model([("x", HALF, [2, 8])], [("y", FLOAT, [2, 8])])
    batch = (b.random_batch((2, 8))[0].astype(np.float16),)
    made = converted(tools, tools.Case(model, batch), precision=FP16)
    assert nodes(made, "MatMul")[0].input[0] == "x"
    assert len(nodes(made, "Cast")) == 1


def test_fp16_weights_of_the_model_are_kept_in_a_bf16_run(tools: Any) -> None:
    b = tools.Builder()
    b.node("Cast", ["x"], "narrow", to=HALF)
    b.node(
        "MatMul",
        ["narrow", b.constant("w", b.random.standard_normal((8, 8)), "f2")],
        "h",
    )
    b.node("Cast", ["h"], "wide", to=FLOAT)
    b.node("MatMul", ["wide", b.weight("v", 8, 8)], "y")
    model = b.model([("x", FLOAT, [2, 8])], [("y", FLOAT, [2, 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))))
    kinds = {t.name: t.data_type for t in made.graph.initializer}
    assert kinds == {"w": HALF, "v": TensorProto.BFLOAT16}


def test_quantised_nodes_stay(tools: Any) -> None:
    b = tools.Builder()
    scale, zero = b.constant("scale", 0.05, "f4"), b.constant("zero", 0, "i1")
    b.node("QuantizeLinear", ["x", scale, zero], "q")
    b.node("DequantizeLinear", ["q", scale, zero], "d")
    b.node("MatMul", ["d", b.weight("w", 8, 8)], "y")
    model = b.model([("x", FLOAT, [2, 8])], [("y", FLOAT, [2, 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))))
    kinds = dtypes(made)
    assert [kinds[name] for name in ("scale", "zero", "d")] == [
        FLOAT,
        TensorProto.INT8,
        FLOAT,
    ]
    assert kinds[nodes(made, "MatMul")[0].input[0]] == TensorProto.BFLOAT16


def test_empty_tensors_go_through(tools: Any) -> None:
    b = tools.Builder()
    b.node("Concat", ["x", b.constant("none", np.zeros((0, 8)), "f4")], "c", axis=0)
    b.node("MatMul", ["c", b.weight("w", 8, 8)], "y")
    model = b.model([("x", FLOAT, ["n", 8])], [("y", FLOAT, ["n", 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))))
    nothing = np.zeros((0, 8), np.float32)
    assert portable.predictor(made)((nothing,))[0].shape == (0, 8)


def test_dynamic_sizes_stay_dynamic(zoo: Any, tools: Any) -> None:
    case = zoo["attention"]()
    made = converted(tools, case)
    (found,) = portable.predictor(made)((case.batch[0][:1],))
    assert found.shape == (1, 12, 32)
    assert made.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"


def test_a_custom_operator_is_fixed_and_the_reason_is_said(tools: Any) -> None:
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 8, 8)], "h")
    b.node("Gelu", ["h"], "g", domain="com.microsoft")
    b.node("MatMul", ["g", b.weight("v", 8, 8)], "y")
    model = b.model(
        [("x", FLOAT, [2, 8])], [("y", FLOAT, [2, 8])], domains=["com.microsoft"]
    )
    case = tools.Case(model, b.random_batch((2, 8)))
    made = converted(tools, case, precision=FP16, runtime=onnxruntime)
    (custom,) = nodes(made, "Gelu")
    (up,) = (n for n in nodes(made, "Cast") if n.output[0] == custom.input[0])
    assert up.attribute[0].i == FLOAT


@pytest.mark.parametrize("runtime", [openvino, portable])
def test_what_bodies_capture_is_cast_once_outside(
    zoo: Any, tools: Any, runtime: Any
) -> None:
    made = converted(tools, zoo["branch"](), runtime=runtime)
    (branch,) = nodes(made, "If")
    inside = [n for a in branch.attribute for n in a.g.node]
    products = [n for n in inside if n.op_type == "MatMul"]
    captured = {n.input[0] for n in products}
    assert len(products) == 2 and len(captured) == 1
    (name,) = captured
    assert name in {o for n in made.graph.node for o in n.output}
    assert [n.op_type for n in inside].count("Cast") == 2, "each branch returns fp32"


def test_a_captured_fp32_tensor_is_cast_in_the_graph_that_makes_it(
    zoo: Any, tools: Any
) -> None:
    made = converted(
        tools, zoo["branch"](), low=("z/then_branch/t1", "z/else_branch/e1")
    )
    (down,) = (n for n in made.graph.node if n.op_type == "Cast" and n.input[0] == "h")
    (branch,) = nodes(made, "If")
    inside = [n for a in branch.attribute for n in a.g.node if n.op_type == "MatMul"]
    assert {n.input[0] for n in inside} == {down.output[0]}


def test_nested_bodies_capture_through_both_borders(tools: Any) -> None:
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 8, 8)], "h")
    innermost = tools.Builder()
    innermost.node("MatMul", ["h", "u"], "deep")
    inner = tools.Builder()
    inner.node("Identity", ["h"], "copied")
    inner.node("Not", ["go"], "no")
    then = innermost.graph([], [("deep", FLOAT, None)], "deep_then")
    other = tools.Builder()
    other.node("Relu", ["copied"], "flat")
    inner.node(
        "If",
        ["go"],
        "chosen",
        then_branch=then,
        else_branch=other.graph([], [("flat", FLOAT, None)], "deep_else"),
    )
    outer_else = tools.Builder()
    outer_else.node("Neg", ["h"], "negative")
    b.weight("u", 8, 8)
    b.node(
        "If",
        ["go"],
        "z",
        then_branch=inner.graph([], [("chosen", FLOAT, None)], "t"),
        else_branch=outer_else.graph([], [("negative", FLOAT, None)], "e"),
    )
    b.node("MatMul", ["z", b.weight("v", 8, 8)], "y")
    model = b.model(
        [("x", FLOAT, [2, 8]), ("go", TensorProto.BOOL, [])], [("y", FLOAT, [2, 8])]
    )
    case = tools.Case(model, (*b.random_batch((2, 8)), np.array(True)))
    traced = tools.trace(case, portable)
    deep = traced.graph.by_id["z/then_branch/chosen/then_branch/deep"]
    assert (
        deep.region == "z/then_branch/chosen/then_branch"
        and deep.flops == 2 * 2 * 8 * 8
    )
    made = converted(tools, case)
    expected = portable.predictor(model)(case.batch)[0]
    found = portable.predictor(made)(case.batch)[0]
    assert 0 < np.abs(found - expected).max() < 0.05 * np.abs(expected).max()
    assert not any(t.data_type == FLOAT for t in made.graph.initializer)


def test_what_loops_carry_keeps_its_type(zoo: Any, tools: Any) -> None:
    made = converted(tools, zoo["loop"]())
    (loop,) = nodes(made, "Loop")
    body = loop.attribute[0].g
    assert body.input[2].type.tensor_type.elem_type == FLOAT
    assert [v.type.tensor_type.elem_type for v in body.output[1:]] == [FLOAT, FLOAT]
    assert any(n.op_type == "Cast" and n.input[0] == "state" for n in body.node)


def test_zeros_that_an_op_makes_need_no_cast(tools: Any) -> None:
    b = tools.Builder()
    b.node("Shape", ["x"], "sizes")
    b.node("ConstantOfShape", ["sizes"], "zeros")
    b.node("Add", ["x", "zeros"], "a")
    b.node("MatMul", ["a", b.weight("w", 8, 8)], "y")
    model = b.model([("x", FLOAT, ["n", 8])], [("y", FLOAT, ["n", 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))), low=("a", "y"))
    assert (
        dtypes(made)[nodes(made, "ConstantOfShape")[0].output[0]]
        == TensorProto.BFLOAT16
    )
    assert len(nodes(made, "ConstantOfShape")) == 1


def test_names_that_are_taken_are_left_to_their_owners(tools: Any) -> None:
    b = tools.Builder()
    b.node("Relu", ["x"], "x_bf16")
    b.node("MatMul", ["x", b.weight("w", 8, 8)], "m")
    b.node("Add", ["m", "x_bf16"], "y")
    model = b.model([("x", FLOAT, [2, 8])], [("y", FLOAT, [2, 8])])
    made = converted(tools, tools.Case(model, b.random_batch((2, 8))), low=("m",))
    assert nodes(made, "Relu")[0].output == ["x_bf16"]
    made_names = [o for n in made.graph.node for o in n.output]
    assert len(made_names) == len(set(made_names))


def test_an_op_outside_the_opset_of_the_precision_is_refused_by_schema(
    tools: Any,
) -> None:
    """Det takes fp16, not bf16, in any opset."""
    b = tools.Builder()
    b.node("MatMul", ["x", b.weight("w", 3, 3)], "m")
    b.node("Det", ["m"], "y")
    model = b.model([("x", FLOAT, [2, 3, 3])], [("y", FLOAT, [2])])
    traced = tools.trace(tools.Case(model, b.random_batch((2, 3, 3))), portable)
    det = traced.probes["y"]
    assert (det.output is None) == ("no bfloat16" in det.message)


def test_the_loaded_model_is_not_changed(zoo: Any, tools: Any) -> None:
    case = zoo["branch"]()
    model = ir.from_proto(case.model)
    before = to_bytes(model)
    traced = openvino.trace(model, case.batch, low=BF16, inputs=())
    traced.apply(tools.all_low(traced))
    assert to_bytes(model) == before


def test_declared_types_inside_are_right(zoo: Any, tools: Any, tmp_path: Path) -> None:
    """Those of a model that says them; the checker compares them with what it infers."""
    case = zoo["attention"]()
    typed = onnx.shape_inference.infer_shapes(case.model)
    traced = tools.trace(tools.Case(typed, case.batch), portable)
    saved = traced.save(traced.apply(tools.all_low(traced)), tmp_path / "a.onnx")
    told = {
        v.name: v.type.tensor_type.elem_type for v in onnx.load(saved).graph.value_info
    }
    assert told["scores"] == TensorProto.BFLOAT16


def test_ten_times_the_nodes_take_ten_times_the_work() -> None:
    """Counted in calls: seconds depend on what else the machine does."""
    benchmark = (
        Path(__file__).resolve().parents[2] / "benchmarks" / "onnx" / "rewrite.py"
    )
    prepared = runpy.run_path(str(benchmark))["prepared"]

    def work(length: int) -> int:
        call, profile = prepared(length), cProfile.Profile()
        profile.runcall(call)
        return sum(entry.callcount for entry in profile.getstats())

    assert work(3000) <= 10.5 * work(300)
