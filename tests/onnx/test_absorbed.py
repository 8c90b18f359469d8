"""Whatever preparation removes, a pin on its name holds a neighbour."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import numpy_helper, parser

from narrowcast.runtime.frameworks.onnx.ir.inline import plain
from narrowcast.runtime.frameworks.onnx.preparation.prepare import prepare
from narrowcast.runtime.graph.graph import Precision

WEIGHTS = {
    "w": np.eye(4, dtype="f4"),
    "k": np.ones((4, 4, 1, 1), "f4"),
    "s": np.ones(4, "f4"),
    "zeros": np.zeros(4, "i8"),
    "half": np.array(0.5, "f4"),
    "one": np.array(1, "f4"),
    "root": np.array(np.sqrt(2), "f4"),
}

ROWS = "g (float[2, 4] x) => (y)"
IMAGES = "g (float[1, 4, 2, 2] x) => (y)"

CASES = {
    "Dropout": (
        f"{ROWS} {{ m = MatMul (x, w) gone = Dropout (m) y = Exp (gone) }}",
        "m",
    ),
    "Identity": (
        f"{ROWS} {{ m = MatMul (x, w) gone = Identity (m) y = Exp (gone) }}",
        "m",
    ),
    "Cast": (
        f"{ROWS} {{ m = MatMul (x, w) gone = Cast <to = 1> (m) y = Exp (gone) }}",
        "m",
    ),
    "Transpose": (
        f"{ROWS} {{ m = MatMul (x, w) gone = Transpose <perm = [0, 1]> (m) y = Exp (gone) }}",
        "m",
    ),
    "Concat": (
        f"{ROWS} {{ m = MatMul (x, w) gone = Concat <axis = 0> (m) y = Exp (gone) }}",
        "m",
    ),
    "Pad": (
        f"{ROWS} {{ m = MatMul (x, w) gone = Pad (m, zeros) y = Exp (gone) }}",
        "m",
    ),
    "Mul": (f"{ROWS} {{ gone = Mul (w, half) m = MatMul (x, gone) y = Exp (m) }}", "m"),
    "BatchNormalization": (
        f"{IMAGES} {{ m = Conv (x, k) gone = BatchNormalization (m, s, s, s, s) y = Exp (gone) }}",
        "m",
    ),
    "Erf": (
        f"{ROWS} {{ a = Div (x, root) gone = Erf (a) b = Add (gone, one) c = Mul (x, b) y = Mul (c, half) }}",
        "y",
    ),
    "Sin": (f"{ROWS} {{ m = MatMul (x, w) gone = Sin (m) y = Exp (m) }}", "m"),
    "Neg": (
        f"{IMAGES} {{ m = Conv (x, k) n = BatchNormalization (m, s, s, s, s) gone = Neg (n) y = Exp (n) }}",
        "m",
    ),
}


def told(
    text: str, opset: int = 20
) -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>\n'
    model = parser.parse_model(header + text)
    for name, value in WEIGHTS.items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model = onnx.shape_inference.infer_shapes(model)
    done = prepare(*plain(ir.from_proto(model)), low=Precision.FP16)
    absorbed = {
        op: [(part.id, part.type) for part in taken]
        for op, taken in done.told.absorbed.items()
    }
    return absorbed, [op.id for op in done.told.dropped]


@pytest.mark.parametrize("type_", CASES)
def test_what_is_gone_is_part_of_its_neighbour(type_: str) -> None:
    text, neighbour = CASES[type_]
    absorbed, dropped = told(text)
    owners = [op for op, parts in absorbed.items() if ("gone", type_) in parts]
    assert owners == [neighbour] and not dropped


def test_what_has_no_neighbour_is_remembered() -> None:
    text = "g (float[2, 4] x, float[2, 4] z) => (y) { alone = Sin (z) y = Exp (x) }"
    assert told(text) == ({}, ["alone"])


def test_an_op_that_an_upgrade_replaces_answers_to_its_old_type() -> None:
    text = "g (float[1, 4, 2, 2] x, float[4] by) => (y) { y = Upsample (x, by) }"
    absorbed, _dropped = told(text, opset=9)
    assert ("y", "Upsample") in absorbed["y"]


def test_what_stood_in_a_branch_that_nobody_reads_goes_along() -> None:
    text = """g (float[2, 4] x, bool c) => (y) {
        m = MatMul (x, w)
        unread = If (c) <
            then_branch = a () => (float[2, 4] n) { n = Sin (m) },
            else_branch = b () => (float[2, 4] o) { o = Cos (m) }>
        y = Exp (m) }"""
    absorbed, dropped = told(text)
    gone = {"unread/then_branch/n", "unread/else_branch/o"}
    everywhere = {name for parts in absorbed.values() for name, _type in parts}
    assert gone <= everywhere | set(dropped)
