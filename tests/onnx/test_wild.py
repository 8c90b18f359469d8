"""Valid models of forms that exporters write and few tools read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from narrowcast.runtime.common.errors import DataError, ModelError
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.onnx import (
    load_onnx,
    onnxruntime,
    openvino,
    portable,
    tensorrt,
)
from narrowcast.runtime.graph.graph import Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
BF16, FP16 = Precision.BF16, Precision.FP16
RUNTIMES = [(portable, BF16), (openvino, BF16), (onnxruntime, FP16)]
EVERYWHERE = pytest.mark.parametrize(
    ("runtime", "low"), RUNTIMES, ids=["any", "openvino", "onnxruntime"]
)
WEIGHT = (np.random.default_rng(0).standard_normal((16, 16)) / 4).astype("f4")
X = np.random.default_rng(1).standard_normal((2, 16)).astype("f4")
x, y, w = ("x", FLOAT, [2, 16]), ("y", FLOAT, [2, 16]), ("w", FLOAT, [16, 16])


class Net:
    """A model in the making: `y = x @ w` unless other nodes are given."""

    def __init__(
        self,
        nodes: Sequence[onnx.NodeProto] = (),
        inputs: Sequence[Any] = (x,),
        outputs: Sequence[Any] = (y,),
        weights: Any = None,
        domains: Sequence[str] = (),
    ) -> None:
        named = {"w": WEIGHT} if weights is None else weights
        self.graph = helper.make_graph(
            list(nodes) or [helper.make_node("MatMul", ["x", "w"], ["y"])],
            "g",
            list(map(info, inputs)),
            list(map(info, outputs)),
            [numpy_helper.from_array(np.asarray(v), k) for k, v in named.items()],
        )
        self.opsets = [helper.make_opsetid("", 21)]
        self.opsets += [helper.make_opsetid(domain, 1) for domain in domains]

    def saved(self, folder: Path) -> Path:
        model = helper.make_model(self.graph, opset_imports=self.opsets, ir_version=10)
        onnx.save(model, folder / "net.onnx")
        return folder / "net.onnx"


def info(given: Any) -> onnx.ValueInfoProto:
    if isinstance(given, onnx.ValueInfoProto):
        return given
    return helper.make_tensor_value_info(*given)


def node(operator: str, inputs: str, outputs: str, **given: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), **given)


def converted(
    net: Net, folder: Path, runtime: ModuleType, low: Precision, batch: Any = (X,)
) -> tuple[tuple[Any, ...], tuple[Any, ...], onnx.ModelProto, Any]:
    """fp32's outputs, those of the saved file, that file, and what was traced."""
    model = load_onnx(net.saved(folder))
    traced = runtime.trace(model, batch, low=low, inputs=())
    found = everything_low(traced, low=low, objective=low_compute, pins=Pins())
    placement = found.plans[0].placement
    assert low in placement.values()
    path = traced.save(traced.apply(placement), folder / "low.onnx")
    made = runtime.load_saved(path)(batch)
    return runtime.predictor(model)(batch), made, onnx.load(path), traced


def alike(expected: Sequence[Any], found: Sequence[Any]) -> None:
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert relative_error(one, other) < 0.02


def body(name: str, nodes: Any, inputs: Any, outputs: Any, **weights: Any) -> Any:
    net = Net(nodes or [node("Identity", "x", "unused")], inputs, outputs, weights)
    if not nodes:
        del net.graph.node[:]
    net.graph.name = name
    return net.graph


def loop() -> Net:
    inside = body(
        "b",
        [node("MatMul", "s w", "t")],
        [("i", INT64, []), ("go", BOOL, []), ("s", FLOAT, [2, 16])],
        [("go", BOOL, []), *((each, FLOAT, [2, 16]) for each in ("t", "s", "k", "t"))],
        k=X,
    )
    three = (
        ("all", FLOAT, [3, 2, 16]),
        ("k3", FLOAT, [3, 2, 16]),
        ("t3", FLOAT, [3, 2, 16]),
    )
    nodes = [node("Loop", "n  x", "y all k3 t3", body=inside)]
    nodes[0].input[:] = ["n", "", "x"]
    return Net(nodes, outputs=(y, *three), weights={"w": WEIGHT, "n": np.array(3)})


def scan() -> Net:
    inside = body(
        "b",
        [node("MatMul", "s w", "t"), node("Add", "t e", "u")],
        [("s", FLOAT, [16]), ("e", FLOAT, [16])],
        [("s", FLOAT, [16]), ("u", FLOAT, [16]), ("u", FLOAT, [16])],
    )
    nodes = [node("Scan", "start x", "last y again", body=inside, num_scan_inputs=1)]
    again = ("again", FLOAT, [2, 16]), ("last", FLOAT, [16])
    return Net(nodes, outputs=(y, *again), weights={"w": WEIGHT, "start": WEIGHT[0]})


def branch() -> Net:
    """One branch returns a weight of its own, the other what stands outside."""
    then = body("t", [], [], [("k", FLOAT, [16])], k=WEIGHT[0])
    other = body("e", [], [], [("b", FLOAT, [16])])
    nodes = [
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Greater", "sum zero", "positive"),
        node("If", "positive", "bias", then_branch=then, else_branch=other),
        node("MatMul", "x w", "h"),
        node("Add", "h bias", "y"),
    ]
    weights = {"w": WEIGHT, "b": WEIGHT[1], "zero": np.zeros((), "f4")}
    return Net(nodes, weights=weights)


RETURNED = {
    "weight": lambda: Net(outputs=(y, w)),
    "input": lambda: Net(outputs=(y, x)),
    "twice": lambda: Net(outputs=(y, y)),
    "loop": loop,
    "scan": scan,
    "branch": branch,
}


@EVERYWHERE
@pytest.mark.parametrize("name", RETURNED)
def test_a_graph_may_return_what_it_does_not_make(
    tmp_path: Path, name: str, runtime: ModuleType, low: Precision
) -> None:
    expected, found, _model, _ = converted(RETURNED[name](), tmp_path, runtime, low)
    alike(expected, found)
    if name in ("weight", "input"):
        np.testing.assert_array_equal(expected[1], found[1])


def test_a_weight_in_low_precision_is_returned_as_it_was(tmp_path: Path) -> None:
    """Least bytes of weights would hold it in 16 bits alone."""
    from narrowcast.runtime.placement import memory

    model = load_onnx(Net(outputs=(y, w)).saved(tmp_path))
    traced = portable.trace(model, (X,), low=BF16, inputs=())
    found = everything_low(traced, low=BF16, objective=memory, pins=Pins())
    made = portable.predictor(traced.apply(found.plans[0].placement))((X,))
    np.testing.assert_array_equal(made[1], WEIGHT)


def test_an_input_with_a_default_stays_an_input(tmp_path: Path) -> None:
    net = Net(inputs=(x, w))
    expected, found, model, traced = converted(net, tmp_path, portable, BF16)
    alike(expected, found)
    assert [each.name for each in model.graph.input] == ["x", "w"]
    assert model.graph.input[1].type.tensor_type.elem_type == FLOAT
    assert any("default" in note and "w" in note for note in traced.notes)
    import onnxruntime as ort

    given = {"x": X, "w": 2 * WEIGHT}
    (twice,) = ort.InferenceSession(tmp_path / "net.onnx").run(None, given)
    np.testing.assert_allclose(twice, 2 * expected[0], rtol=1e-5)
    _, _, model, _ = converted(net, tmp_path, onnxruntime, FP16)
    (twice,) = ort.InferenceSession(tmp_path / "low.onnx").run(None, given)
    assert relative_error(2 * expected[0], twice) < 0.01


def test_all_weights_listed_as_inputs_are_weights_and_it_is_said(
    tmp_path: Path,
) -> None:
    nodes = [node("MatMul", f"h{k} w{k}", f"h{k + 1}") for k in range(8)]
    weights = {f"w{k}": WEIGHT for k in range(8)}
    listed = [(name, FLOAT, [16, 16]) for name in weights]
    ends = [("h0", FLOAT, [2, 16])], [("h8", FLOAT, [2, 16])]
    net = Net(nodes, [*ends[0], *listed], ends[1], weights)
    _, _, model, traced = converted(net, tmp_path, portable, BF16)
    assert [each.name for each in model.graph.input] == ["h0"]
    assert any("weights alone" in note for note in traced.notes)


@EVERYWHERE
def test_nodes_may_stand_in_any_order(
    tmp_path: Path, runtime: ModuleType, low: Precision
) -> None:
    net = Net(
        [node("Relu", "b", "y"), node("Neg", "a", "b"), node("MatMul", "x w", "a")]
    )
    expected, found, model, _ = converted(net, tmp_path, runtime, low)
    alike(expected, found)
    onnx.checker.check_model(model, full_check=True)


@EVERYWHERE
@pytest.mark.parametrize("places", ["flat", "coordinates", "node"])
def test_sparse_tensors_become_dense(
    tmp_path: Path, places: str, runtime: ModuleType, low: Precision
) -> None:
    indices = np.stack([np.arange(16), np.arange(16)[::-1]], 1)
    if places == "flat":
        indices = indices[:, 0] * 16 + indices[:, 1]
    sparse = helper.make_sparse_tensor(
        numpy_helper.from_array(WEIGHT[0], "w"),
        numpy_helper.from_array(np.sort(indices, 0) if places == "flat" else indices),
        [16, 16],
    )
    constant = helper.make_node("Constant", [], ["w"], sparse_value=sparse)
    net = Net(
        [constant, node("MatMul", "x w", "y")] if places == "node" else [], weights={}
    )
    if places != "node":
        net.graph.sparse_initializer.append(sparse)
    expected, found, _model, _ = converted(net, tmp_path, runtime, low)
    alike(expected, found)
    np.testing.assert_allclose(expected[0], X[:, ::-1] * WEIGHT[0][::-1], rtol=1e-5)


@pytest.mark.parametrize("wrong", [[256], [-1], [[0, 16]], [[0, 0, 0]]])
def test_sparse_tensors_that_lead_out_of_their_shape_are_refused(
    tmp_path: Path, wrong: Any
) -> None:
    net = Net(weights={})
    values = numpy_helper.from_array(np.ones(1, "f4"), "w")
    places = numpy_helper.from_array(np.array(wrong))
    net.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, places, [16, 16])
    )
    with pytest.raises(ModelError, match="sparse tensor"):
        load_onnx(net.saved(tmp_path))


@EVERYWHERE
@pytest.mark.parametrize("size", [-1, 0])
def test_a_size_that_is_none_is_any(
    tmp_path: Path, size: int, runtime: ModuleType, low: Precision
) -> None:
    net = Net(inputs=[("x", FLOAT, [size, 16])], outputs=[("y", FLOAT, [size, 16])])
    assert runtime.signature(load_onnx(net.saved(tmp_path)))[0].shape == ("batch", 16)
    for rows in (1, 2):
        expected, found, _, _ = converted(net, tmp_path, runtime, low, (X[:rows],))
        alike(expected, found)


SEQUENCE = helper.make_tensor_sequence_value_info("s", FLOAT, None)
OPTIONAL = helper.make_value_info(
    "o", helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, [2, 16]))
)


def sequences() -> dict[str, Net]:
    multiplied = node("MatMul", "x w", "a")
    return {
        "made": Net(
            [multiplied, node("Relu", "a", "b"), node("SequenceConstruct", "a b", "s")],
            outputs=[SEQUENCE],
        ),
        "split": Net(
            [multiplied, node("SplitToSequence", "a", "s", axis=0)], outputs=[SEQUENCE]
        ),
        "optional": Net([multiplied, node("Optional", "a", "o")], outputs=[OPTIONAL]),
        "taken": Net(
            [node("OptionalGetElement", "o", "x"), node("MatMul", "x w", "y")],
            inputs=[OPTIONAL],
        ),
    }


@pytest.mark.parametrize(("runtime", "low"), [(portable, BF16), (onnxruntime, FP16)])
@pytest.mark.parametrize("name", ["made", "split", "optional", "taken"])
def test_sequences_are_compared_one_by_one(
    tmp_path: Path, name: str, runtime: ModuleType, low: Precision
) -> None:
    expected, found, _, _ = converted(sequences()[name], tmp_path, runtime, low)
    assert len(expected) == (2 if name in ("made", "split") else 1)
    alike(expected, found)


def test_a_loop_may_carry_a_sequence(tmp_path: Path) -> None:
    carried = [
        helper.make_tensor_sequence_value_info(name, FLOAT, None)
        for name in ("q", "q2")
    ]
    inside = body(
        "b",
        [
            node("MatMul", "h w", "h2"),
            node("SequenceInsert", "q h2", "q2"),
            node("Identity", "go", "on"),
        ],
        [("i", INT64, []), ("go", BOOL, []), ("h", FLOAT, [2, 16]), carried[0]],
        [("on", BOOL, []), ("h2", FLOAT, [2, 16]), carried[1]],
    )
    run = helper.make_node("Loop", ["n", "", "x", "q0"], ["last", "s"], body=inside)
    nodes = [
        helper.make_node("SequenceEmpty", [], ["q0"]),
        run,
        node("ConcatFromSequence", "s", "y", axis=0),
    ]
    net = Net(
        nodes, outputs=[("y", FLOAT, [6, 16])], weights={"w": WEIGHT, "n": np.array(3)}
    )
    for runtime, low in RUNTIMES:
        expected, found, _, traced = converted(net, tmp_path, runtime, low)
        alike(expected, found)
        assert traced.graph.runs(traced.graph.by_id["last/body/h2"]) == 3


def test_an_input_that_is_a_sequence_is_refused_by_its_name(tmp_path: Path) -> None:
    net = Net([node("ConcatFromSequence", "s", "y", axis=0)], inputs=[SEQUENCE])
    model = load_onnx(net.saved(tmp_path))
    for call in (
        lambda: portable.signature(model),
        lambda: portable.trace(model, (X,), low=BF16, inputs=()),
    ):
        with pytest.raises(ModelError, match="input s of the model is no tensor"):
            call()


NARROW = ["BFLOAT16", "FLOAT16", "FLOAT8E4M3FN", "FLOAT8E5M2", "INT4", "DOUBLE"]


@EVERYWHERE
@pytest.mark.parametrize("name", NARROW)
def test_any_type_may_be_inside(
    tmp_path: Path, name: str, runtime: ModuleType, low: Precision
) -> None:
    to = TensorProto.DataType.Value(name)
    nodes = [
        node("Cast", "x", "a", to=to),
        node("Cast", "a", "b", to=FLOAT),
        node("MatMul", "b w", "y"),
    ]
    expected, found, _model, _ = converted(Net(nodes), tmp_path, runtime, low)
    alike(expected, found)


@EVERYWHERE
def test_a_body_may_take_what_numpy_has_no_type_for(
    tmp_path: Path, runtime: ModuleType, low: Precision
) -> None:
    def inside(name: str, operator: str) -> onnx.GraphProto:
        nodes = [
            node("Cast", "a", f"{name}f", to=FLOAT),
            node(operator, f"{name}f", name),
        ]
        graph: onnx.GraphProto = body(name, nodes, [], [(name, FLOAT, [2, 16])])
        return graph

    nodes = [
        node("MatMul", "x w", "h"),
        node("Cast", "h", "a", to=TensorProto.BFLOAT16),
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Greater", "sum zero", "c"),
        node(
            "If",
            "c",
            "y",
            then_branch=inside("t", "Relu"),
            else_branch=inside("e", "Tanh"),
        ),
    ]
    weights = {"w": WEIGHT, "zero": np.zeros((), "f4")}
    expected, found, _model, traced = converted(
        Net(nodes, weights=weights), tmp_path, runtime, low
    )
    alike(expected, found)
    assert traced.graph.tensors["a"].dtype == "bfloat16"


@EVERYWHERE
@pytest.mark.parametrize("name", ["FLOAT16", "BFLOAT16"])
def test_16_bits_may_come_in_and_go_out(
    tmp_path: Path, name: str, runtime: ModuleType, low: Precision
) -> None:
    to = TensorProto.DataType.Value(name)
    nodes = [
        node("Cast", "x", "wide", to=FLOAT),
        node("MatMul", "wide w", "a"),
        node("Cast", "a", "y", to=to),
    ]
    net = Net(nodes, inputs=[("x", to, [2, 16])], outputs=[("y", to, [2, 16])])
    dtype = np.float16 if name == "FLOAT16" else ml_dtypes.bfloat16
    for given in (X.astype(dtype), X):  # fp32 is what a script makes of its data
        expected, found, _model, _ = converted(net, tmp_path, runtime, low, (given,))
        alike(expected, found)


def test_whole_numbers_in_fp32_become_the_model_s_own_type(tmp_path: Path) -> None:
    nodes = [node("Gather", "w ids", "a"), node("MatMul", "a w", "y")]
    net = Net(nodes, inputs=[("ids", INT64, [2])])
    expected, found, _, _ = converted(
        net, tmp_path, portable, BF16, (np.array([3, 5], "f4"),)
    )
    alike(expected, found)
    model = load_onnx(net.saved(tmp_path))
    for wrong in ([0.5, 1.0], [np.nan, 1.0], [2.0**25, 1.0]):
        with pytest.raises(
            DataError, match=r"input ids holds .* as float32, the model takes int64"
        ):
            portable.predictor(model)((np.array(wrong, "f4"),))
    halves = Net(
        [node("Cast", "x", "y", to=FLOAT)], inputs=[("x", TensorProto.FLOAT16, [2, 16])]
    )
    with pytest.raises(DataError, match="takes float16, which has no such value"):
        portable.predictor(load_onnx(halves.saved(tmp_path)))((X * 1e6,))


@EVERYWHERE
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_casts_of_weights_are_folded(
    tmp_path: Path, dtype: Any, runtime: ModuleType, low: Precision
) -> None:
    nodes = [
        node("Cast", "stored", "a", to=TensorProto.FLOAT16),
        node("Cast", "a", "b", to=FLOAT),
        node("Transpose", "b", "c", perm=[1, 0]),
        node("MatMul", "x c", "y"),
    ]
    net = Net(nodes, weights={"stored": WEIGHT.astype(dtype)})
    expected, found, model, _ = converted(net, tmp_path, runtime, low)
    alike(expected, found)
    assert [each.op_type for each in model.graph.node] == ["Cast", "MatMul", "Cast"]


def detector() -> Net:
    """A sigmoid far below zero behind a batch norm: 1e-6 nearly everywhere."""
    random = np.random.default_rng(0)
    weights = {
        "k0": random.standard_normal((8, 3, 3, 3)) / 5,
        "scale": random.uniform(0.5, 2, 8),
        "shift": random.standard_normal(8),
        "mean": random.standard_normal(8),
        "var": random.uniform(0.5, 2, 8),
        "k1": random.standard_normal((1, 8, 3, 3)) / 8,
        "low": np.array([-14.0]),
    }
    nodes = [
        node("Conv", "x k0", "h"),
        node("BatchNormalization", "h scale shift mean var", "n"),
        node("Relu", "n", "r"),
        node("Conv", "r k1", "l"),
        node("Add", "l low", "o"),
        node("Sigmoid", "o", "y"),
    ]
    given = [("x", FLOAT, [1, 3, 32, 32])], [("y", FLOAT, [1, 1, 28, 28])]
    return Net(nodes, *given, {k: v.astype("f4") for k, v in weights.items()})


@EVERYWHERE
def test_what_is_nearly_zero_is_no_reason_to_refuse(
    tmp_path: Path, runtime: ModuleType, low: Precision
) -> None:
    batch = (np.random.default_rng(1).standard_normal((1, 3, 32, 32)).astype("f4"),)
    expected, found, _model, traced = converted(
        detector(), tmp_path, runtime, low, batch
    )
    assert np.median(expected[0]) < 1e-5
    np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
    found_plan = everything_low(traced, low=low, objective=low_compute, pins=Pins())
    placement = found_plan.plans[0].placement
    assert placement["h"] == placement["l"] == low


def test_a_wrong_weight_is_no_noise(tmp_path: Path) -> None:
    """What preparation must not change is found, however ill conditioned the output."""
    from narrowcast.runtime.frameworks.measuring.agreement import explained

    right = np.full(100, 1e-6, "f4")
    assert explained(right, right * 1.04, right * 1.05)
    assert not explained(right, right * 1.04, right * 1.001)
    assert not explained(right, right * 2, right * 3)


PLUGIN = "my.plugin"


def plugged(last: str = "w", **shape: Any) -> Net:
    """A plugin's operator between two products; `shape` of what it makes, if said."""
    nodes = [
        node("MatMul", "x w", "h"),
        node("Plug", "h", "p", domain=PLUGIN, strength=3),
        node("MatMul", f"p {last}", "y"),
    ]
    weights = {"w": WEIGHT, "narrow": WEIGHT[:5]}
    net = Net(
        nodes, outputs=[("y", FLOAT, ["n", 16])], weights=weights, domains=[PLUGIN]
    )
    if shape:
        net.graph.value_info.append(info(("p", FLOAT, shape["sizes"])))
    return net


@pytest.mark.parametrize("runtime", [portable, tensorrt])
@pytest.mark.parametrize("low", [BF16, FP16])
def test_a_plugin_s_operator_stays_fp32_where_nothing_runs_it(
    tmp_path: Path, runtime: ModuleType, low: Precision
) -> None:
    nets = (
        plugged(),
        plugged("narrow", sizes=[2, 5]),
        plugged("narrow", sizes=["n", 5]),
    )
    for net in nets:
        _, _, model, traced = converted(net, tmp_path, runtime, low)
        operators = [each.op_type for each in model.graph.node]
        assert operators == ["Cast", "MatMul", "Cast", "Plug", "Cast", "MatMul", "Cast"]
        plug = model.graph.node[3]
        assert (plug.domain, plug.attribute[0].i) == (PLUGIN, 3)
        assert traced.graph.by_id["p"].flops > 0
        assert any("Plug of my.plugin" in note for note in traced.notes)


def test_what_a_plugin_makes_must_be_known(tmp_path: Path) -> None:
    model = load_onnx(plugged("narrow").saved(tmp_path))
    with pytest.raises(ModelError, match="what is taken for their results") as found:
        portable.trace(model, (X,), low=BF16, inputs=())
    assert "value_info" in found.value.remedy
    model = load_onnx(plugged().saved(tmp_path))
    with pytest.raises(ModelError, match="OpenVINO does not run") as found:
        openvino.trace(model, (X,), low=BF16, inputs=())
    assert "`model.runtime: any`" in found.value.remedy
