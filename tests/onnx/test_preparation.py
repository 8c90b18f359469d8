"""Preparing an fp32 graph: what is folded computes the same, and keeps its names."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper, parser

from narrowcast.runtime.frameworks.onnx.ir.inline import plain
from narrowcast.runtime.frameworks.onnx.ir.prepared import Prepared
from narrowcast.runtime.frameworks.onnx.preparation import constants
from narrowcast.runtime.frameworks.onnx.preparation.prepare import prepare
from narrowcast.runtime.graph.graph import Precision

HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'


def model_of(text: str, **weights: np.ndarray) -> onnx.ModelProto:
    model = parser.parse_model(HEADER + text)
    for name, value in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    return onnx.shape_inference.infer_shapes(model)


def prepared(model: onnx.ModelProto, low: Precision = Precision.FP16) -> Prepared:
    """In fp16, which needs no other opset."""
    return prepare(*plain(ir.from_proto(model)), low=low)


def ops(done: Prepared) -> list[str]:
    return [node.op_type for node in done.model.graph.all_nodes()]


def absorbed(done: Prepared) -> dict[str, list[str]]:
    return {
        name: [one.id for one in taken] for name, taken in done.told.absorbed.items()
    }


def run(model: onnx.ModelProto, *batch: np.ndarray) -> list[np.ndarray]:
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_inputs()]
    found: list[np.ndarray] = session.run(None, dict(zip(names, batch, strict=True)))
    return found


def check_same(
    model: onnx.ModelProto, done: Prepared, *batch: np.ndarray, rtol: float = 1e-5
) -> None:
    expected, found = run(model, *batch), run(ir.to_proto(done.model), *batch)
    for one, other in zip(expected, found, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(other, one, rtol=rtol, atol=rtol)
    for one, other in zip(model.graph.output, done.model.graph.outputs, strict=True):
        assert one.name == other.name


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def statistics(channels: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    names = ("gamma", "beta", "mean", "var")
    return {n: random.uniform(0.5, 2, channels).astype("f4") for n in names}


NORM = "BatchNormalization <epsilon = 0.001>"
PRODUCERS = {
    "conv": ("Conv <pads = [1, 1, 1, 1]> (x, w, b)", (4, 3, 3, 3), 4, (2, 3, 5, 5)),
    "conv without bias": ("Conv (x, w)", (4, 3, 3, 3), 4, (2, 3, 5, 5)),
    "conv in groups": ("Conv <group = 2> (x, w)", (4, 2, 3, 3), 4, (2, 4, 5, 5)),
    "conv 1d": ("Conv (x, w, b)", (4, 3, 3), 4, (2, 3, 5)),
    "transposed": ("ConvTranspose (x, w, b)", (3, 4, 3, 3), 4, (2, 3, 5, 5)),
    "transposed in groups": (
        "ConvTranspose <group = 2> (x, w, b)",
        (4, 3, 2, 2),
        6,
        (2, 4, 5, 5),
    ),
    "gemm": ("Gemm <alpha = 0.5, beta = 2.0> (x, w, b)", (3, 4), 4, (2, 3)),
    "gemm transposed": ("Gemm <transB = 1> (x, w, b)", (4, 3), 4, (2, 3)),
    "gemm without bias": ("Gemm (x, w)", (3, 4), 4, (2, 3)),
}


@pytest.mark.parametrize("name", PRODUCERS)
def test_a_batch_norm_is_folded_into_what_feeds_it(name: str) -> None:
    call, weight, channels, shape = PRODUCERS[name]
    rank = f"float[{', '.join(map(str, shape))}]"
    text = f"g ({rank} x) => (y) {{ z = {call} n = {NORM} (z, gamma, beta, mean, var) y = Relu (n) }}"
    values = {"w": normal(*weight), **statistics(channels)}
    if "b)" in call:
        values["b"] = normal(channels, seed=1)
    model = model_of(text, **values)
    done = prepared(model)
    assert ops(done) == [call.split()[0], "Relu"]
    assert absorbed(done) == {"z": ["n"]}
    assert done.told.absorbed["z"][0].type == "BatchNormalization"
    assert done.told.makes == {"z": "n"}
    check_same(model, done, normal(*shape, seed=2))


def test_folding_is_exact_to_one_rounding() -> None:
    """In fp64: the weight is what fp64 gives, rounded once."""
    values = {"w": normal(4, 3, 1, 1), **statistics(4)}
    text = f"g (float[1, 3, 2, 2] x) => (y) {{ z = Conv (x, w) y = {NORM} (z, gamma, beta, mean, var) }}"
    done = prepared(model_of(text, **values))
    wide = {name: value.astype("f8") for name, value in values.items()}
    scale = wide["gamma"] / np.sqrt(wide["var"] + np.float64(np.float32(0.001)))
    expected = (wide["w"] * scale[:, None, None, None]).astype("f4")
    found = done.model.graph.initializers["w"].const_value.numpy()
    np.testing.assert_array_equal(found, expected)


def test_a_norm_that_makes_an_output_gives_its_name() -> None:
    values = {"w": normal(4, 3, 1, 1), **statistics(4)}
    text = f"g (float[1, 3, 2, 2] x) => (y) {{ z = Conv (x, w) y = {NORM} (z, gamma, beta, mean, var) }}"
    model = model_of(text, **values)
    done = prepared(model)
    assert absorbed(done) == {"y": ["z", "y"]}
    assert [one.type for one in done.told.absorbed["y"]] == [
        "Conv",
        "BatchNormalization",
    ]
    check_same(model, done, normal(1, 3, 2, 2))


KEPT = {
    "another reads the convolution": f"z = Conv (x, w) n = {NORM} (z, gamma, beta, mean, var) y = Add (z, n)",
    "the weight is an input": f"z = Conv (x, x) y = {NORM} (z, gamma, beta, mean, var)",
    "there is a function between": f"z = Conv (x, w) r = Relu (z) y = {NORM} (r, gamma, beta, mean, var)",
    "it comes first": f"n = {NORM} (x, gamma, beta, mean, var) y = Conv (n, w)",
}


@pytest.mark.parametrize("why", KEPT)
def test_a_batch_norm_stays_where(why: str) -> None:
    values = {"w": normal(3, 3, 3, 3), **statistics(3)}
    text = f"g (float[3, 3, 3, 3] x) => (y) {{ {KEPT[why]} }}"
    model = model_of(text, **values)
    done = prepared(model)
    assert "BatchNormalization" in ops(done)
    check_same(model, done, normal(3, 3, 3, 3))


def test_a_weight_that_two_share_is_scaled_for_one() -> None:
    values = {"w": normal(3, 3, 1, 1), **statistics(3)}
    text = f"""g (float[1, 3, 2, 2] x) => (y) {{
        a = Conv (x, w) n = {NORM} (a, gamma, beta, mean, var) y = Conv (n, w) }}"""
    model = model_of(text, **values)
    done = prepared(model)
    assert ops(done) == ["Conv", "Conv"]
    np.testing.assert_array_equal(
        done.model.graph.initializers["w"].const_value.numpy(), values["w"]
    )
    check_same(model, done, normal(1, 3, 2, 2))


def test_a_norm_that_would_make_a_weight_infinite_stays() -> None:
    values = {"w": np.full((3, 3, 1, 1), 1e38, "f4"), **statistics(3)}
    values["var"] = np.full(3, 1e-30, "f4")
    text = "g (float[1, 3, 2, 2] x) => (y) { z = Conv (x, w) y = BatchNormalization <epsilon = 0.0> (z, gamma, beta, mean, var) }"
    assert "BatchNormalization" in ops(prepared(model_of(text, **values)))


def test_the_loaded_model_stays_as_it_was() -> None:
    values = {"w": normal(4, 3, 1, 1), **statistics(4)}
    text = f"""g (float[1, 3, 2, 2] x) => (y) {{
        k = Constant <value = float[1] {{2.0}}> ()
        z = Conv (x, w) n = {NORM} (z, gamma, beta, mean, var) y = Mul (n, k) }}"""
    proto = model_of(text, **values)
    model, calls = plain(ir.from_proto(proto))
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    prepare(model, calls, low=Precision.BF16)
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before


GELUS = {
    "divided, then halved": "a = Div (x, r) b = Erf (a) c = Add (b, one) d = Mul (x, c) y = Mul (d, half)",
    "multiplied, the sum halved": "a = Mul (i, x) b = Erf (a) c = Add (one, b) d = Mul (half, c) y = Mul (d, x)",
    "x halved first": "h = Mul (x, half) a = Div (x, r) b = Erf (a) c = Add (b, one) y = Mul (h, c)",
}
NUMBERS = {
    "r": np.array(np.sqrt(2), "f4"),
    "i": np.array(np.sqrt(0.5), "f4"),
    "one": np.array(1, "f4"),
    "half": np.array(0.5, "f4"),
}


@pytest.mark.parametrize("form", GELUS)
@pytest.mark.parametrize("low", [Precision.BF16, Precision.FP16])
def test_a_gelu_that_was_spelled_out_is_one_op(form: str, low: Precision) -> None:
    model = model_of(f"g (float[2, 8] x) => (y) {{ {GELUS[form]} }}", **NUMBERS)
    done = prepared(model, low)
    assert ops(done) == ["Gelu"] and done.notes == ("opset 17 → 20",)
    assert {one.type for one in done.told.absorbed["y"]} == {
        "Div",
        "Mul",
        "Erf",
        "Add",
    } - ({"Div"} if "Div" not in GELUS[form] else set())
    assert len(done.told.absorbed["y"]) == 5, (
        "the last op too, whose type is another now"
    )
    check_same(model, done, normal(2, 8))


NO_GELUS = {
    "another number": "a = Div (x, one) b = Erf (a) c = Add (b, one) d = Mul (x, c) y = Mul (d, half)",
    "another factor": "a = Div (x, r) b = Erf (a) c = Add (b, one) d = Mul (x, c) y = Mul (d, r)",
    "another x": "a = Div (x, r) b = Erf (a) c = Add (b, one) d = Mul (a, c) y = Mul (d, half)",
    "another reader": "a = Div (x, r) b = Erf (a) c = Add (b, one) d = Mul (x, c) e = Mul (d, half) y = Add (e, b)",
    "no factor": "a = Div (x, r) b = Erf (a) c = Add (b, one) y = Mul (x, c)",
}


@pytest.mark.parametrize("why", NO_GELUS)
def test_what_is_no_gelu_stays(why: str) -> None:
    model = model_of(f"g (float[2, 8] x) => (y) {{ {NO_GELUS[why]} }}", **NUMBERS)
    done = prepared(model)
    assert "Gelu" not in ops(done) and done.notes == ()
    check_same(model, done, normal(2, 8))


IDENTITIES = {
    "identity": ("i = Identity (r)", {"r": ["i"]}),
    "dropout": ("i = Dropout (r)", {"r": ["i"]}),
    "dropout in inference": ("i = Dropout (r, ratio, off)", {"r": ["i"]}),
    "cast to itself": ("i = Cast <to = 1> (r)", {"r": ["i"]}),
    "transpose in order": ("i = Transpose <perm = [0, 1]> (r)", {"r": ["i"]}),
    "concat of one": ("i = Concat <axis = 0> (r)", {"r": ["i"]}),
    "pad by nothing": ("i = Pad (r, zeros)", {"r": ["i"]}),
    "two in turn": ("h = Identity (r) i = Dropout (h)", {"r": ["h", "i"]}),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_what_returns_its_input_is_dropped(name: str) -> None:
    call, expected = IDENTITIES[name]
    model = model_of(
        f"g (float[2, 3] x) => (y) {{ r = Relu (x) {call} y = Exp (i) }}",
        zeros=np.zeros(4, "i8"),
        ratio=np.array(0.5, "f4"),
        off=np.array(False),
    )
    done = prepared(model)
    assert ops(done) == ["Relu", "Exp"]
    assert absorbed(done) == expected
    check_same(model, done, normal(2, 3))


def test_an_identity_of_an_input_is_part_of_what_reads_it() -> None:
    model = model_of("g (float[2] x) => (y) { i = Identity (x) y = Exp (i) }")
    assert absorbed(prepared(model)) == {"y": ["i"]}


def test_an_identity_that_makes_an_output_gives_its_name() -> None:
    model = model_of("g (float[2] x) => (y) { r = Relu (x) y = Identity (r) }")
    done = prepared(model)
    assert ops(done) == ["Relu"]
    assert absorbed(done) == {"y": ["r", "y"]}
    check_same(model, done, normal(2))


KEPT_IDENTITIES = {
    "from input to output": "g (float[2] x) => (y) { y = Identity (x) }",
    "of another output": "g (float[2] x) => (z, y) { z = Relu (x) y = Identity (z) }",
    "of a weight": "g (float[2] x) => (y) { y = Identity (w) }",
    "dropout in training": "g (float[2] x) => (y) { d = Dropout (x, zero, on) y = Exp (d) }",
    "a mask that is read": "g (float[2] x) => (y, m) { d, m = Dropout (x) y = Exp (d) }",
}


@pytest.mark.parametrize("why", KEPT_IDENTITIES)
def test_what_must_stay_stays(why: str) -> None:
    model = model_of(
        KEPT_IDENTITIES[why],
        w=normal(2),
        on=np.array(True),
        zero=np.array(0, "f4"),
    )
    done = prepared(model)
    assert {"Identity", "Dropout"} & set(ops(done))
    check_same(model, done, normal(2))


def test_constants_are_folded_and_remembered() -> None:
    model = model_of(
        """g (float[2, 4] x) => (y) {
            s = Constant <value_ints = [4, 2]> ()
            r = Reshape (w, s)
            k = Constant <value_float = 0.5> ()
            m = Mul (r, k)
            z = MatMul (x, m)
            y = Add (z, k)
        }""",
        w=normal(2, 4),
    )
    done = prepared(model)
    assert ops(done) == ["MatMul", "Add"]
    assert absorbed(done) == {"z": ["r", "m"]}
    assert set(done.model.graph.initializers) == {"m", "k"}
    check_same(model, done, normal(2, 4))


def test_a_huge_constant_is_not_made() -> None:
    """A few bytes that stand for four gigabytes."""
    model = model_of(
        """g (float[1] x) => (y) {
            s = Constant <value_ints = [1024, 1024, 1024]> ()
            e = Expand (x0, s)
            f = ConstantOfShape (s)
            a = Add (e, f)
            m = ReduceMax (a)
            y = Add (x, m)
        }""",
        x0=np.ones(1, "f4"),
    )
    assert ops(prepared(model)) == [
        "Expand",
        "ConstantOfShape",
        "Add",
        "ReduceMax",
        "Add",
    ]


def test_a_large_weight_is_rearranged_only_if_nothing_else_reads_it() -> None:
    size = constants.ANYWAY // 4 // 64 + 1
    text = """g (float[1, 64] x) => (y{more}) {{
        t = Transpose <perm = [1, 0]> (w) y = MatMul (x, t) {also} }}"""
    alone = prepared(model_of(text.format(more="", also=""), w=normal(size, 64)))
    assert ops(alone) == ["MatMul"]
    shared = text.format(more=", v", also="v = Relu (w)")
    both = prepared(model_of(shared, w=normal(size, 64)))
    assert ops(both) == ["Transpose", "MatMul", "Relu"]


def test_a_quantised_weight_keeps_its_scale() -> None:
    model = model_of(
        """g (float[1, 2] x) => (y) {
            d = DequantizeLinear (q, s) y = MatMul (x, d) }""",
        q=np.array([[1, 2], [3, 4]], np.int8),
        s=np.array(0.5, "f4"),
    )
    done = prepared(model)
    assert ops(done) == ["DequantizeLinear", "MatMul"]
    assert set(done.model.graph.initializers) == {"q", "s"}


def test_weights_and_norms_in_branches_are_folded() -> None:
    text = f"""g (float[1, 3, 2, 2] x, bool c) => (float[1, 3, 2, 2] y) {{
        y = If (c) <
            then_branch = a () => (float[1, 3, 2, 2] n) {{
                k = Constant <value = float[1] {{2.0}}> ()
                v = Mul (w, k)
                z = Conv (x, v)
                i = Identity (z)
                n = {NORM} (i, gamma, beta, mean, var) }},
            else_branch = b () => (float[1, 3, 2, 2] o) {{ o = Identity (x) }}> }}"""
    model = model_of(text, w=normal(3, 3, 1, 1), **statistics(3))
    done = prepared(model)
    assert ops(done) == ["If", "Conv", "Identity"]
    assert absorbed(done) == {
        "y/then_branch/n": [
            "y/then_branch/v",
            "y/then_branch/z",
            "y/then_branch/i",
            "y/then_branch/n",
        ]
    }
    for flag in (True, False):
        check_same(model, done, normal(1, 3, 2, 2), np.array(flag))


def test_a_body_does_not_fold_what_it_is_given() -> None:
    """A loop's counter and state differ each time, though they start as constants."""
    text = """g (float[2] x) => (float[2] y) {
        n = Constant <value_int = 3> ()
        y = Loop (n, , x) <body = b (int64 i, bool c, float[2] s) => (bool d, float[2] t) {
            d = Identity (c)
            f = Cast <to = 1> (i)
            k = Constant <value_float = 0.5> ()
            l = Neg (k)
            g = Mul (f, l)
            t = Add (s, g) }> }"""
    model = model_of(text)
    done = prepared(model)
    assert ops(done) == ["Loop", "Identity", "Cast", "Mul", "Add"]
    assert absorbed(done) == {"y/body/g": ["y/body/l"]}
    check_same(model, done, normal(2))


def test_what_no_output_needs_is_dropped() -> None:
    text = """g (float[2] x, bool c) => (y) {
        dead = Exp (x)
        deader = If (c) <then_branch = a () => (p) { p = Neg (dead) },
                         else_branch = b () => (q) { q = Neg (w) }>
        y = Relu (x) }"""
    model = model_of(text, w=normal(2))
    done = prepared(model)
    assert ops(done) == ["Relu"] and not done.model.graph.initializers
    assert [value.name for value in done.model.graph.inputs] == ["x", "c"]


def test_equal_weights_are_stored_once() -> None:
    text = "g (float[2] x) => (y) { p = Add (x, a) q = Add (p, b) r = Add (q, c) y = Add (r, d) }"
    other = normal(2)
    other[1] += 1
    model = model_of(text, a=normal(2), b=normal(2), c=other, d=normal(2)[None])
    done = prepared(model)
    assert list(done.model.graph.initializers) == ["a", "c", "d"]
    check_same(model, done, normal(2))


def test_weights_that_differ_at_the_end_are_two() -> None:
    one = np.full(5000, 2, "f4")
    other = one.copy()
    other[-1] = 1
    model = model_of(
        "g (float[5000] x) => (y) { p = Add (x, a) y = Add (p, b) }", a=one, b=other
    )
    assert len(prepared(model).model.graph.initializers) == 2


def test_preparing_twice_gives_the_same_bytes() -> None:
    values = {"w": normal(4, 3, 1, 1), **statistics(4)}
    text = f"g (float[1, 3, 2, 2] x) => (y) {{ z = Conv (x, w) n = {NORM} (z, gamma, beta, mean, var) y = Softmax (n) }}"
    model = model_of(text, **values)
    model.opset_import[0].version = 9
    one, other = (
        ir.to_proto(prepared(model, Precision.BF16).model).SerializeToString(
            deterministic=True
        )
        for _ in range(2)
    )
    assert one == other


def blocks(count: int) -> onnx.ModelProto:
    """Ten nodes each: a norm to fold, identities, constants, one of them shared by all."""
    nodes = [helper.make_node("Constant", [], ["two"], value_float=2.0)]
    x = "x"
    for k in range(count):
        make = helper.make_node
        nodes += [
            make("Constant", [], [f"k{k}"], value_floats=[1.0, float(k)]),
            make("Neg", [f"k{k}"], [f"n{k}"]),
            make("Mul", [f"n{k}", "two"], [f"m{k}"]),
            make("Conv", [x, "w"], [f"c{k}"]),
            make("BatchNormalization", [f"c{k}", "b", "b", "b", "v"], [f"b{k}"]),
            make("Identity", [f"b{k}"], [f"i{k}"]),
            make("Mul", [f"i{k}", "two"], [f"s{k}"]),
            make("Dropout", [f"s{k}"], [f"d{k}"]),
            make("Relu", [f"d{k}"], [f"r{k}"]),
            make("Add", [f"r{k}", f"m{k}"], [f"y{k}"]),
        ]
        x = f"y{k}"
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", 1, [1, 2, 2, 2])],
        [value(x, 1, None)],
        [
            numpy_helper.from_array(normal(2, 2, 1, 1), "w"),
            numpy_helper.from_array(np.zeros(2, "f4"), "b"),
            numpy_helper.from_array(np.ones(2, "f4"), "v"),
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )


def calls(of: Callable[[], object]) -> int:
    """How many functions it calls, C's among them."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        of()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.nightly
def test_ten_thousand_nodes_take_ten_times_the_work_of_a_thousand() -> None:
    prepared(blocks(10))  # what is done once and kept
    some, many = blocks(100), blocks(1000)
    assert calls(lambda: prepared(many)) < 10.5 * calls(lambda: prepared(some))


UNARY = ["Abs", "Exp", "Floor", "Identity", "Neg", "Sqrt", "Relu"]
BINARY = ["Add", "Mul", "Sub", "Div", "Max"]


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """Ops on a square matrix, some of constants alone, some unused."""
    names = ["x", "w", "v"]
    nodes = []
    for k in range(draw(st.integers(1, 12))):
        inputs = [draw(st.sampled_from(names)) for _ in range(2)]
        if draw(st.booleans()):
            op = draw(st.sampled_from([*BINARY, "MatMul"]))
        else:
            op, inputs = draw(st.sampled_from([*UNARY, "Transpose"])), inputs[:1]
        nodes.append(helper.make_node(op, inputs, [f"t{k}"]))
        names.append(f"t{k}")
    outputs = draw(st.lists(st.sampled_from(names[3:]), min_size=1, unique=True))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", 1, [3, 3])],
        [value(name, 1, [3, 3]) for name in outputs],
        [
            numpy_helper.from_array(normal(3, 3, seed=1), "w"),
            numpy_helper.from_array(normal(3, 3, seed=2), "v"),
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )


@settings(max_examples=60, deadline=None)
@given(models())
def test_any_graph_computes_the_same_prepared(model: onnx.ModelProto) -> None:
    done = prepared(model)
    check_same(model, done, normal(3, 3), rtol=1e-4)
    made = {node.output[0] for node in model.graph.node}
    kept = {str(n.outputs[0].name) for n in done.model.graph}
    told = {one for taken in absorbed(done).values() for one in taken}
    live = _live(model)
    assert live <= kept | told, "an op went without a trace"
    assert told <= made


def _live(model: onnx.ModelProto) -> set[str]:
    """Ops that an output depends on."""
    makers = {node.output[0]: node for node in model.graph.node}
    waiting, found = [value.name for value in model.graph.output], set()
    while waiting:
        name = waiting.pop()
        if name in makers and name not in found:
            found.add(name)
            waiting += makers[name].input
    return found
