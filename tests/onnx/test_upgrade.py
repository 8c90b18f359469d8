"""Upgrading the opset: the same numbers, by ONNX Runtime, from the oldest on."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import parser
from onnx.defs import OpSchema

from narrowcast.runtime.frameworks.onnx import openvino, portable
from narrowcast.runtime.frameworks.onnx.ir.inline import plain
from narrowcast.runtime.frameworks.onnx.ir.prepared import Prepared
from narrowcast.runtime.frameworks.onnx.ir.rewriting.editing import editor
from narrowcast.runtime.frameworks.onnx.ir.shape_inference import infer_types
from narrowcast.runtime.frameworks.onnx.preparation import opsets
from narrowcast.runtime.frameworks.onnx.preparation.adapters import ADAPTERS
from narrowcast.runtime.frameworks.onnx.preparation.constants import lift_constants
from narrowcast.runtime.frameworks.onnx.preparation.prepare import prepare
from narrowcast.runtime.frameworks.onnx.preparation.upgrade import upgrade
from narrowcast.runtime.graph.graph import Kernel, Precision

Feeds = Mapping[str, np.ndarray]


def model_of(text: str, opset: int) -> onnx.ModelProto:
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>\n'
    return parser.parse_model(header + text)


def outputs(model: onnx.ModelProto, feeds: Feeds) -> list[np.ndarray]:
    """By ONNX Runtime, which reads every opset from 7 on."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: list[np.ndarray] = session.run(None, dict(feeds))
    return found


def upgraded(model: onnx.ModelProto, target: int) -> onnx.ModelProto:
    copy = ir.from_proto(model)
    infer_types(copy)
    lift_constants(copy)
    upgrade(copy, target, editor(copy))
    return ir.to_proto(copy)


def prepared(model: onnx.ModelProto, low: Precision = Precision.BF16) -> Prepared:
    return prepare(*plain(ir.from_proto(model)), low=low)


X = "float[2, 3, 4, 5] x"
CASES = (
    {
        "slice": (
            9,
            f"g ({X}) => (y) {{ y = Slice <axes = [1, 3], ends = [3, -1], starts = [0, 1]> (x) }}",
        ),
        "slice without axes": (
            9,
            f"g ({X}) => (y) {{ y = Slice <ends = [1, 2], starts = [0, 1]> (x) }}",
        ),
        "topk": (9, f"g ({X}) => (y, i) {{ y, i = TopK <axis = 3, k = 2> (x) }}"),
        "upsample nearest": (
            9,
            f"""g ({X}) => (y) {{
        s = Constant <value = float[4] {{1, 1, 2, 3}}> ()
        y = Upsample <mode = "nearest"> (x, s) }}""",
        ),
        "upsample linear": (
            9,
            f"""g ({X}) => (y) {{
        s = Constant <value = float[4] {{1, 1, 2, 2.5}}> ()
        y = Upsample <mode = "linear"> (x, s) }}""",
        ),
        "resize 10": (
            10,
            f"""g ({X}) => (y) {{
        s = Constant <value = float[4] {{1, 1, 2, 1.5}}> ()
        y = Resize <mode = "nearest"> (x, s) }}""",
        ),
        "resize 10, linear, smaller": (
            10,
            f"""g ({X}) => (y) {{
        s = Constant <value = float[4] {{1, 1, 0.5, 0.8}}> ()
        y = Resize <mode = "linear"> (x, s) }}""",
        ),
        "resize 11": (
            11,
            f"""g ({X}) => (y) {{
        r = Constant <value = float[0] {{}}> ()
        s = Constant <value = float[4] {{1, 1, 0.5, 2}}> ()
        y = Resize <mode = "linear"> (x, r, s) }}""",
        ),
        "clip": (9, f"g ({X}) => (y) {{ y = Clip <max = 0.5, min = -0.25> (x) }}"),
        "clip below": (9, f"g ({X}) => (y) {{ y = Clip <min = 0.0> (x) }}"),
        "relu 6 twice": (
            9,
            f"g ({X}) => (y) {{ z = Clip <max = 6.0, min = 0.0> (x) y = Clip <max = 6.0, min = 0.0> (z) }}",
        ),
        "pad": (
            9,
            f'g ({X}) => (y) {{ y = Pad <mode = "constant", pads = [0, 0, 1, 2, 0, 0, 0, 1], value = 1.5> (x) }}',
        ),
        "pad reflecting": (
            9,
            f'g ({X}) => (y) {{ y = Pad <mode = "reflect", pads = [0, 0, 1, 2, 0, 0, 0, 1]> (x) }}',
        ),
        "scatter": (
            9,
            """g (float[3, 3] x, int64[1, 3] i, float[1, 3] u) => (y) {
        y = Scatter <axis = 0> (x, i, u) }""",
        ),
        "dropout": (9, f"g ({X}) => (y) {{ y = Dropout <ratio = 0.4> (x) }}"),
        "softmax over the rest": (9, f"g ({X}) => (y) {{ y = Softmax (x) }}"),
        "softmax over the last": (
            9,
            f"g ({X}) => (y) {{ y = Softmax <axis = 3> (x) }}",
        ),
        "softmax from behind": (
            11,
            f"g ({X}) => (y) {{ y = Softmax <axis = -2> (x) }}",
        ),
        "softmax of one pixel": (
            9,
            "g (float[2, 10, 1, 1] x) => (y) { y = Softmax <axis = 1> (x) }",
        ),
        "softmax of a row": (9, "g (float[2, 10] x) => (y) { y = Softmax (x) }"),
        "logsoftmax": (9, f"g ({X}) => (y) {{ y = LogSoftmax <axis = 2> (x) }}"),
        "hardmax": (9, f"g ({X}) => (y) {{ y = Hardmax <axis = 2> (x) }}"),
        "split": (
            9,
            f"g ({X}) => (y, z) {{ y, z = Split <axis = 3, split = [2, 3]> (x) }}",
        ),
        "split evenly": (9, f"g ({X}) => (y, z) {{ y, z = Split <axis = 2> (x) }}"),
        "split evenly in 13": (
            13,
            f"g ({X}) => (y, z) {{ y, z = Split <axis = 2> (x) }}",
        ),
        "squeeze": (9, "g (float[1, 3, 1] x) => (y) { y = Squeeze <axes = [0]> (x) }"),
        "squeeze all": (9, "g (float[1, 3, 1] x) => (y) { y = Squeeze (x) }"),
        "unsqueeze": (9, f"g ({X}) => (y) {{ y = Unsqueeze <axes = [0, 2]> (x) }}"),
        "batch norm": (
            9,
            f"""g ({X}) => (y) {{
        k = Constant <value = float[3] {{1, 2, 0.5}}> ()
        y = BatchNormalization <epsilon = 0.01, momentum = 0.8> (x, k, k, k, k) }}""",
        ),
        "roi align": (
            10,
            """g (float[1, 1, 4, 4] x, float[1, 4] r, int64[1] b) => (y) {
        y = RoiAlign <output_height = 2, output_width = 2> (x, r, b) }""",
        ),
        "grid sample": (
            16,
            "g (float[1, 2, 4, 4] x, float[1, 3, 3, 2] g) => (y) { y = GridSample (x, g) }",
        ),
        "grid sample, cubic": (
            16,
            'g (float[1, 2, 4, 4] x, float[1, 3, 3, 2] g) => (y) { y = GridSample <mode = "bicubic"> (x, g) }',
        ),
        "dft": (17, "g (float[1, 8, 1] x) => (y) { y = DFT <onesided = 1> (x) }"),
        "inside a branch": (
            9,
            f"""g ({X}, bool c) => (float[2, 3, 4, 5] y) {{
        y = If (c) <then_branch = a () => (float[2, 3, 4, 5] z) {{ z = Clip <max = 0.1> (x) }},
                    else_branch = b () => (float[2, 3, 4, 5] v) {{ v = Softmax <axis = 2> (x) }}> }}""",
        ),
    }
    | {
        f"{name}, axes": (
            11,
            f"g ({X}) => (y) {{ y = {name} <axes = [1, -1], keepdims = 0> (x) }}",
        )
        for name in (
            "ReduceMean",
            "ReduceSum",
            "ReduceMax",
            "ReduceMin",
            "ReduceProd",
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSumExp",
            "ReduceSumSquare",
        )
    }
    | {"reduce all": (9, f"g ({X}) => (y) {{ y = ReduceMean (x) }}")}
)


BEFORE = {"roi align": 21}
"""Case → an older opset, where ONNX Runtime has no kernel for the newest."""


def feeds(model: onnx.ModelProto) -> Feeds:
    random = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}
    for value in model.graph.input:
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        match value.type.tensor_type.elem_type:
            case onnx.TensorProto.FLOAT:
                made[value.name] = random.standard_normal(sizes, np.float32)
            case onnx.TensorProto.INT64:
                made[value.name] = np.zeros(sizes, np.int64)
            case _:
                made[value.name] = np.ones(sizes, bool)
    return made


def typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The texts leave the outputs without types."""
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


@pytest.mark.parametrize("name", CASES)
def test_an_upgraded_op_computes_the_same(name: str) -> None:
    opset, text = CASES[name]
    model = typed(model_of(text, opset))
    new = upgraded(model, BEFORE.get(name, opsets.NEWEST))
    given = feeds(model)
    for expected, found in zip(outputs(model, given), outputs(new, given), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert [v.name for v in new.graph.output] == [v.name for v in model.graph.output]


def test_every_adapter_has_a_case() -> None:
    covered = set()
    for opset, text in CASES.values():
        covered |= {
            op for op, version in ADAPTERS if f"{op} " in text and version > opset
        }
    assert covered >= {op for op, _ in ADAPTERS} - {"ReduceLogSum"}


def shrunk(one: OpSchema, other: OpSchema) -> bool:
    """Whether a model of the one may be none of the other, or mean another thing."""
    for name, attribute in one.attributes.items():
        if name not in other.attributes:
            return True
        if attribute.default_value != other.attributes[name].default_value:
            return True
    return (
        other.deprecated
        or other.min_input > one.min_input
        or other.max_input < one.max_input
        or other.min_output > one.min_output
        or other.max_output < one.max_output
    )


def test_what_changed_between_opsets_has_an_adapter() -> None:
    """An attribute that went, a default that changed, an input that is now needed."""
    versions: dict[str, dict[int, OpSchema]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.since_version <= opsets.NEWEST:
            versions.setdefault(schema.name, {})[schema.since_version] = schema
    missing = []
    for name, known in versions.items():
        for old, new in pairwise(sorted(known)):
            if (
                new > 9
                and not known[old].deprecated
                and shrunk(known[old], known[new])
                and (name, new) not in ADAPTERS
            ):
                missing.append((name, new))
    assert missing == []


@pytest.mark.parametrize(
    ("text", "opset", "low", "wanted"),
    [
        ("g (float[2, 2] x) => (float[2, 2] y) { y = MatMul (x, x) }", 9, "bf16", 13),
        ("g (float[2, 2] x) => (float[2, 2] y) { y = MatMul (x, x) }", 17, "bf16", 17),
        ("g (float[2, 2] x) => (float[2, 2] y) { y = MatMul (x, x) }", 9, "fp16", 9),
        ("g (float[1, 1, 2, 2] x) => (y) { y = Conv (x, x) }", 11, "bf16", 22),
        ("g (float[2, 2] x) => (y) { y = LeakyRelu (x) }", 9, "bf16", 16),
        (
            "g (float[2, 2] x, bool[2, 2] c) => (y) { y = Where (c, x, x) }",
            9,
            "bf16",
            16,
        ),
        (
            "g (int64[2, 2] x, bool[2, 2] c) => (y) { y = Where (c, x, x) }",
            9,
            "bf16",
            13,
        ),
        (
            "g (float[2, 2] x) => (y) { k = Constant <value_int = 0> () y = CumSum (x, k) }",
            12,
            "fp16",
            14,
        ),
        # Only opset 28 takes bfloat16 there: it stays in fp32, and the others' is enough.
        (
            'g (float[2, 2] x) => (y) { y = Einsum <equation = "ij,jk->ik"> (x, x) }',
            12,
            "bf16",
            13,
        ),
        (
            "g (float[2] x) => (y) { s = Constant <value = float[1] {2.0}> () y = Upsample (x, s) }",
            9,
            "bf16",
            13,
        ),
    ],
)
def test_the_smallest_opset_that_the_ops_need(
    text: str, opset: int, low: str, wanted: int
) -> None:
    done = prepared(model_of(text, opset), Precision(low))
    assert done.model.opset_imports[""] == wanted
    expected = () if wanted == opset else (f"opset {opset} → {wanted}",)
    assert done.notes == expected


def test_what_has_no_like_keeps_the_model_in_its_opset() -> None:
    text = """g (float[1, 1, 4, 4] x) => (y) {
        s = Constant <value = float[4] {1, 1, 0.5, 0.5}> ()
        z = Resize <mode = "nearest"> (x, s)
        y = Conv (z, z) }"""
    done = prepared(model_of(text, 10))
    assert done.model.opset_imports[""] == 10
    (note,) = done.notes
    assert "opset 10 stays" in note and "Resize `z`" in note
    assert [node.op_type for node in done.model.graph] == ["Resize", "Conv"]


def test_custom_operators_keep_their_domain_and_version() -> None:
    model = model_of(
        "g (float[1, 1, 4, 4] x) => (y) { z = my.Op <k = 3> (x) y = Conv (z, z) }", 11
    )
    model.opset_import.add(domain="my", version=7)
    done = prepared(model)
    assert done.model.opset_imports == {"": 22, "my": 7}
    first = done.model.graph[0]
    assert (first.domain, first.op_type, first.attributes["k"].value) == ("my", "Op", 3)


def test_the_ir_version_has_the_opset() -> None:
    text = "g (float[1, 1, 4, 4] x) => (y) { y = Conv (x, x) }"
    model = model_of(text, 11)
    model.ir_version = 4
    done = prepared(model)
    assert done.model.ir_version == 10
    onnxruntime.InferenceSession(
        ir.to_proto(done.model).SerializeToString(), providers=["CPUExecutionProvider"]
    )


def test_a_softmax_that_was_rewritten_keeps_its_name() -> None:
    """A pin on it, by name or type, holds the softmax and what surrounds it."""
    done = prepared(model_of(f"g ({X}) => (y) {{ y = Softmax (x) }}", 9))
    types = [node.op_type for node in done.model.graph]
    assert types == ["Shape", "Flatten", "Softmax", "Reshape"]
    (softmax,) = (n for n in done.model.graph if n.op_type == "Softmax")
    (taken,) = done.told.absorbed[str(softmax.outputs[0].name)]
    assert (taken.id, taken.type) == ("y", "Softmax")


@pytest.mark.parametrize("runtime", [openvino, portable])
def test_what_onnx_runtime_has_in_an_older_opset_only_is_traced(runtime: Any) -> None:
    """Each tensor is looked at in ONNX Runtime; it has no RoiAlign of opset 22."""
    text = """g (float[1, 2, 4, 4] x, float[1, 4] r) => (float[1, 2, 2, 2] y) {
        b = Constant <value = int64[1] {0}> ()
        w = Constant <value = float[2, 2, 1, 1] {1, 2, 3, 4}> ()
        z = Conv (x, w)
        y = RoiAlign <output_height = 2, output_width = 2> (z, r, b) }"""
    model = model_of(text, 11)
    batch = (np.ones((1, 2, 4, 4), "f4"), np.array([[0, 0, 3, 3]], "f4"))
    traced = runtime.trace(model, batch, low=Precision.BF16, inputs=())
    assert traced.prepared.model.opset_imports[""] == 22
    assert Kernel(Precision.BF16, Precision.BF16) in traced.graph.by_id["z"].kernels
