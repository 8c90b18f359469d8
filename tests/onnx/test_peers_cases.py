"""The cases that other converters of ONNX models publish, in small models of ours.

Their unit tests and lists of limits name kinds of graphs; each kind is here once: the
model converts, is valid, keeps its names and types, and computes what fp32 computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, parser

from narrowcast.runtime.common.errors import DataError, ModelError, NarrowcastError
from narrowcast.runtime.frameworks.comparing import relative_error
from narrowcast.runtime.frameworks.inputs import Input
from narrowcast.runtime.frameworks.onnx import (
    load_onnx,
    onnxruntime,
    openvino,
    portable,
)
from narrowcast.runtime.graph.graph import Kind, Precision
from narrowcast.runtime.graph.pins import Pins
from narrowcast.runtime.placement import low_compute
from narrowcast.runtime.search import everything_low

BF16, FP16, FP32 = Precision.BF16, Precision.FP16, Precision.FP32
RUNTIMES: Mapping[str, tuple[ModuleType, Precision]] = {
    "any-bf16": (portable, BF16),
    "any-fp16": (portable, FP16),
    "openvino-bf16": (openvino, BF16),
    "onnxruntime-fp16": (onnxruntime, FP16),
}


def normal(*shape: int, seed: int = 1, scale: float = 1.0) -> Any:
    values = np.random.default_rng(seed).standard_normal(shape) * scale
    return values.astype(np.float32)


W, V = normal(8, 8, scale=0.35), normal(8, 8, seed=2, scale=0.35)
X = normal(2, 8, seed=3)
IMAGE = normal(1, 4, 6, 6, seed=4)
KERNEL = normal(4, 4, 3, 3, seed=5, scale=0.2)
WIDE = {"w": W}
BOTH = {"w": W, "v": V}


@dataclass(frozen=True)
class Case:
    """A graph in ONNX's text form.

    Attributes:
        weights: Name → value.
        batch: In the order of the graph's inputs.
        low: The least share of the contractions' FLOPs that must be in 16 bits.
        within: The most that an output may err, relative to its size.
        converts: Whether anything in it may be in 16 bits.
        refused: Runtime that has no such fp32 op either → what it is told to lack.
    """

    text: str
    weights: Mapping[str, Any] = field(default_factory=lambda: WIDE)
    batch: tuple[Any, ...] = (X,)
    opset: int = 21
    low: float = 1.0
    within: float = 0.02
    converts: bool = True
    refused: Mapping[str, str] = field(default_factory=dict)
    domain: str = ""


def signed(
    body: str, inputs: str = "float[n,8] x", outputs: str = "float[n,8] y"
) -> str:
    return f"net ({inputs}) => ({outputs}) {{ {body} }}"


def images(body: str, outputs: str = "float[n,4,h,w] y") -> str:
    return signed(body, "float[n,4,6,6] x", outputs)


NORM = """
    h = MatMul(x, w)
    mean = ReduceMean<axes = [-1]>(h)
    d = Sub(h, mean)
    two = Constant<value = float {2.0}>()
    sq = Pow(d, two)
    var = ReduceMean<axes = [-1]>(sq)
"""
GAIN, SHIFT = {"gain": normal(8, seed=6)}, {"shift": normal(8, seed=7)}
EPS = {"eps": np.float32(1e-5)}

CASES: Mapping[str, Case] = {
    # --- inputs, outputs and casts
    "io types": Case(signed("h = MatMul(x, w) y = Relu(h)")),
    "several consumers": Case(
        signed("h = MatMul(x, w) a = Relu(h) b = MatMul(h, v) y = Add(a, b)"), BOTH
    ),
    "consumers of both precisions": Case(
        signed(
            "h = MatMul(x, w) k = ArgMax<axis = 1>(h) y = MatMul(h, v)",
            outputs="float[n,8] y, int64[n,1] k",
        ),
        BOTH,
    ),
    "an output used on": Case(
        signed(
            "y = MatMul(x, w) z = MatMul(y, v)", outputs="float[n,8] y, float[n,8] z"
        ),
        BOTH,
    ),
    "a chain of casts": Case(
        signed(
            "a = Cast<to = 10>(x) b = Cast<to = 1>(a) c = Cast<to = 11>(b)"
            "d = Cast<to = 1>(c) y = MatMul(d, w)"
        )
    ),
    "casts of its own": Case(
        signed("h = MatMul(x, w) a = Cast<to = 10>(h) b = Cast<to = 1>(a) y = Relu(b)")
    ),
    "a cast from input to output": Case(
        signed(
            "y = MatMul(x, w) z = Cast<to = 10>(x)",
            outputs="float[n,8] y, float16[n,8] z",
        )
    ),
    "an input that is an output": Case(
        signed("y = MatMul(x, w) z = Identity(x)", outputs="float[n,8] y, float[n,8] z")
    ),
    "fp16 output": Case(
        signed("h = MatMul(x, w) y = Cast<to = 10>(h)", outputs="float16[n,8] y")
    ),
    "bf16 output": Case(
        signed("h = MatMul(x, w) y = Cast<to = 16>(h)", outputs="bfloat16[n,8] y")
    ),
    "fp16 input": Case(
        signed("h = Cast<to = 1>(x) y = MatMul(h, w)", "float16[n,8] x"),
        batch=(X.astype(np.float16),),
    ),
    "an integer through a float": Case(
        signed("e = Cast<to = 1>(x) y = MatMul(e, w)", "int64[n,8] x"),
        batch=(np.arange(16).reshape(2, 8),),
    ),
    "a mask": Case(
        signed(
            "h = MatMul(x, w) zero = Constant<value = float {0.0}>()"
            "m = Greater(h, zero) y = Where(m, h, zero)"
        )
    ),
    "several outputs of a node": Case(
        signed(
            "h = MatMul(x, w) a, b = Split<axis = 1, num_outputs = 2>(h)"
            "y = Concat<axis = 1>(b, a)"
        )
    ),
    "an output nobody reads": Case(
        signed("h = MatMul(x, w) y, k = TopK<axis = 1>(h, n)"), {**WIDE, "n": [8]}
    ),
    "a node without names": Case(
        signed("h = MatMul(x, w) i = Relu(h) j = Relu(i) y = MatMul(j, w)")
    ),
    # --- constants
    "empty tensor": Case(
        signed("e = Concat<axis = 0>(x, none) y = MatMul(e, w)"),
        {**WIDE, "none": np.zeros((0, 8), "f4")},
    ),
    "empty output": Case(
        signed(
            "y = MatMul(x, w) z = Slice(y, s, s)", outputs="float[n,8] y, float[k,8] z"
        ),
        {**WIDE, "s": np.array([0])},
    ),
    "weights beyond fp16": Case(
        signed("b = Min(x, big) y = MatMul(b, w)"),
        {**WIDE, "big": np.full(8, 1e30, "f4")},
    ),
    "a scalar beyond fp16": Case(
        signed("h = MatMul(x, w) y = Max(h, least)"),
        {**WIDE, "least": np.float32(-3.4e38)},
    ),
    "a mask of -inf": Case(
        signed("h = MatMul(x, w) m = Add(h, mask) y = Softmax<axis = -1>(m)"),
        {**WIDE, "mask": np.where(np.arange(8) < 5, 0, -np.inf).astype("f4")},
    ),
    "weights below fp16": Case(
        signed("h = MatMul(x, w) y = Add(h, tiny)"),
        {**WIDE, "tiny": np.full(8, -1e-30, "f4")},
    ),
    "a divisor below fp16": Case(
        signed(
            "h = MatMul(x, w) a = Abs(h) s = ReduceSum(a, axis) t = Max(s, tiny)"
            "y = Div(h, t)"
        ),
        {**WIDE, "axis": [1], "tiny": np.float32(1e-12)},
    ),
    "fp16 weights": Case(
        signed("u = Cast<to = 1>(half) h = MatMul(x, u) y = MatMul(h, w)"),
        {**WIDE, "half": V.astype(np.float16)},
    ),
    "a weight for both precisions": Case(
        signed(
            "h = MatMul(x, w) m = MatMul(h, w) l = Log(big) y = Add(m, l)",
        ),
        {**WIDE, "big": np.full(8, 1e30, "f4")},
    ),
    "constants in nodes": Case(
        signed(
            "c = Constant<value = float[8] {1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0}>()"
            "k = Constant<value_float = 0.5>()"
            "l = Constant<value_floats = [0.5,1.0,0.5,1.0,0.5,1.0,0.5,1.0]>()"
            "h = MatMul(x, w) a = Add(h, c) b = Mul(a, k) y = Mul(b, l)"
        )
    ),
    "a constant cast away": Case(
        signed(
            "c = Constant<value = double[8] {1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0}>()"
            "d = Cast<to = 1>(c) h = MatMul(x, w) y = Add(h, d)"
        )
    ),
    "a constant of several consumers": Case(
        signed(
            "c = Constant<value = float[8] {1.0,2.0,3.0,4.0,5.0,6.0,7.0,8.0}>()"
            "d = Cast<to = 1>(c) h = MatMul(x, w) a = Add(h, d) b = Mul(x, d)"
            "y = Add(a, b)"
        )
    ),
    "constant of a shape": Case(
        signed(
            "s = Shape(x) z = ConstantOfShape<value = float[1] {0.5}>(s)"
            "h = MatMul(x, w) y = Add(h, z)"
        )
    ),
    "a range": Case(
        signed(
            "r = Range(start, stop, step) h = MatMul(x, w) y = Add(h, r)",
        ),
        {
            **WIDE,
            "start": np.float32(0),
            "stop": np.float32(8),
            "step": np.float32(1),
        },
    ),
    "one shared by a norm": Case(
        signed(
            "h = MatMul(x, w) n = LayerNormalization<axis = -1>(h, gain, gain)"
            "y = Mul(n, gain)"
        ),
        {**WIDE, **GAIN},
    ),
    # --- shapes
    "resize by scales": Case(
        images('c = Conv(x, k) y = Resize<mode = "linear">(c, , scales)'),
        {"k": KERNEL, "scales": np.array([1, 1, 1.7, 2], "f4")},
        (IMAGE,),
    ),
    "resize by region": Case(
        images(
            'c = Conv(x, k) y = Resize<mode = "linear",'
            ' coordinate_transformation_mode = "tf_crop_and_resize">'
            "(c, roi, , sizes)"
        ),
        {
            "k": KERNEL,
            "roi": np.array([0, 0, 0.1, 0.1, 1, 1, 0.9, 0.9], "f4"),
            "sizes": np.array([1, 4, 7, 7]),
        },
        (IMAGE,),
        refused={"openvino-bf16": "tf_crop_and_resize"},
    ),
    "resize by computed scales": Case(
        images(
            "c = Conv(x, k) s = Shape(c) f = Cast<to = 1>(s) g = Div(f, f)"
            'm = Mul(g, twice) y = Resize<mode = "nearest">(c, , m)'
        ),
        {"k": KERNEL, "twice": np.array([1, 1, 2, 2], "f4")},
        (IMAGE,),
    ),
    "upsample": Case(
        images('c = Conv(x, k) y = Upsample<mode = "nearest">(c, scales)'),
        {"k": KERNEL, "scales": np.array([1, 1, 2, 2], "f4")},
        (IMAGE,),
        opset=9,
    ),
    "sizes that are computed": Case(
        signed(
            "s = Shape(x) n = Slice(s, first, last) t = Concat<axis = 0>(n, rest)"
            "h = MatMul(x, w) y = Reshape(h, t)",
            outputs="float[n,2,4] y",
        ),
        {**WIDE, "first": [0], "last": [1], "rest": [2, 4]},
    ),
    # --- operators
    "what has no 16-bit type": Case(
        signed(
            "h = MatMul(x, w) s = Reshape(h, square) d = Det(s) r = MatMul(h, v)"
            "y = Add(r, d)"
        ),
        {**BOTH, "square": [1, 4, 4]},
        within=0.04,
        refused={"openvino-bf16": "Det"},
    ),
    "non-maximum suppression": Case(
        signed(
            "h = MatMul(x, w) m = ReduceSum<keepdims = 0>(h) z = Mul(m, none)"
            "c = Add(boxes, z) y = NonMaxSuppression(c, scores, most, iou)",
            outputs="int64[k,3] y",
        ),
        {
            **WIDE,
            "none": np.float32(0),
            "boxes": np.array([[[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]], "f4"),
            "scores": np.array([[[0.9, 0.8, 0.7]]], "f4"),
            "most": np.array(3),
            "iou": np.float32(0.5),
        },
    ),
    "a foreign domain": Case(
        signed("h = MatMul(x, w) g = com.microsoft.Gelu(h) y = MatMul(g, v)"),
        BOTH,
        domain="com.microsoft",
    ),
    "deep reductions": Case(
        signed(
            "h = MatMul(x, w) c = CumSum(h, axis) y = ReduceL2(c, axes)",
            outputs="float[n,1] y",
        ),
        {**WIDE, "axis": np.array(1), "axes": [1]},
    ),
    "quantised": Case(
        signed(
            "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)"
            "h = MatMul(d, w) y = MatMul(h, v)"
        ),
        {**BOTH, "s": np.float32(0.05), "z": np.int8(0)},
    ),
    "quantised weights": Case(
        signed("u = DequantizeLinear<axis = 1>(q, s, z) h = MatMul(x, u) y = Relu(h)"),
        {
            "q": np.arange(-32, 32, dtype=np.int8).reshape(8, 8),
            "s": np.linspace(0.01, 0.02, 8, dtype="f4"),
            "z": np.zeros(8, "i1"),
        },
    ),
    "convolution and norm": Case(
        images("c = Conv(x, k) n = BatchNormalization(c, a, b, m, v) y = Relu(n)"),
        {
            "k": KERNEL,
            **{name: normal(4, seed=s) for s, name in enumerate("abm")},
            "v": np.full(4, 0.5, "f4"),
        },
        (IMAGE,),
    ),
    "instance norm": Case(
        images("c = Conv(x, k) y = InstanceNormalization(c, a, b)"),
        {"k": KERNEL, "a": normal(4), "b": normal(4)},
        (IMAGE,),
    ),
    "pooling": Case(
        images(
            "c = Conv(x, k) p = MaxPool<kernel_shape = [2,2]>(c)"
            "q = AveragePool<kernel_shape = [2,2]>(p) y = GlobalMaxPool(q)"
        ),
        {"k": KERNEL},
        (IMAGE,),
    ),
    "recurrent": Case(
        "net (float[4,n,8] x) => (float[4,1,n,4] y, float[1,n,4] h) {"
        "y, h = GRU<hidden_size = 4>(x, w, r) }",
        {"w": normal(1, 12, 8, scale=0.3), "r": normal(1, 12, 4, scale=0.3)},
        (normal(4, 2, 8),),
    ),
    "grid sample": Case(
        images("c = Conv(x, k) y = GridSample(c, grid)"),
        {"k": KERNEL, "grid": np.clip(normal(1, 3, 3, 2, scale=0.4), -1, 1)},
        (IMAGE,),
    ),
    "einsum": Case(signed('h = Einsum<equation = "ij,jk->ik">(x, w) y = HardSwish(h)')),
    "attention": Case(
        "net (float[n,2,3,8] x) => (float[n,2,3,8] y) {"
        "q = MatMul(x, w) k = MatMul(x, v) y = Attention(q, k, x) }",
        BOTH,
        (normal(2, 2, 3, 8),),
        opset=23,
        within=0.03,
    ),
    "root mean square norm": Case(
        signed("h = MatMul(x, w) y = RMSNormalization(h, gain)"),
        {**WIDE, **GAIN},
        opset=23,
    ),
    "classical learning": Case(
        signed(
            "s = ai.onnx.ml.Scaler<offset = [0.5], scale = [2.0]>(x) h = MatMul(s, w)"
            "y = Relu(h)"
        ),
        domain="ai.onnx.ml",
        refused={"openvino-bf16": "Scaler"},
    ),
    "a sequence between": Case(
        signed(
            "h = MatMul(x, w) s = SequenceConstruct(h, x)"
            "c = ConcatFromSequence<axis = 1>(s) y = MatMul(c, tall)"
        ),
        {**WIDE, "tall": normal(16, 8, scale=0.25)},
    ),
    "transposed convolution": Case(
        images(
            "c = ConvTranspose(x, k) d = DepthToSpace<blocksize = 2>(c) y = Relu(d)",
            "float[n,1,h,w] y",
        ),
        {"k": KERNEL},
        (IMAGE,),
    ),
    "pad by a reflection": Case(
        images('p = Pad<mode = "reflect">(x, pads) y = Conv(p, k)'),
        {"k": KERNEL, "pads": [0, 0, 1, 1, 0, 0, 1, 1]},
        (IMAGE,),
    ),
    "pad by a value beyond fp16": Case(
        images(
            "c = Conv(x, k) p = Pad(c, pads, low) m = MaxPool<kernel_shape = [3,3]>(p)"
            "y = Relu(m)"
        ),
        {"k": KERNEL, "pads": [0, 0, 1, 1, 0, 0, 1, 1], "low": np.float32(-3e38)},
        (IMAGE,),
    ),
    "one-hot": Case(
        signed(
            "h = MatMul(x, w) i = ArgMax<axis = 1, keepdims = 0>(x)"
            "o = OneHot(i, eight, two) y = Add(h, o)"
        ),
        {**WIDE, "eight": np.array(8), "two": np.array([0, 1], "f4")},
    ),
    "scattered": Case(
        signed("h = MatMul(x, w) y = ScatterND(h, at, row)"),
        {**WIDE, "at": np.array([[0]]), "row": normal(1, 8)},
    ),
    "gathered": Case(
        signed(
            "e = Gather(table, x) y = MatMul(e, w)",
            "int64[n,3] x",
            "float[n,3,8] y",
        ),
        {**WIDE, "table": normal(9, 8)},
        (np.arange(6).reshape(2, 3),),
    ),
    "quantised on the way": Case(
        signed(
            "q, s, z = DynamicQuantizeLinear(x) m = MatMulInteger(q, i, z)"
            "f = Cast<to = 1>(m) t = Mul(f, s) y = MatMul(t, w)"
        ),
        {**WIDE, "i": np.arange(-32, 32, dtype=np.int8).reshape(8, 8)},
        low=0.4,
    ),
    "a remainder": Case(
        signed("h = MatMul(x, w) m = Mod<fmod = 1>(x, k) y = Add(h, m)"),
        {**WIDE, "k": np.full(8, 3, "f4")},
    ),
    "random numbers that count nothing": Case(
        signed(
            "r = RandomNormalLike<seed = 1.0>(x) z = Mul(r, none) a = Add(x, z)"
            "y = MatMul(a, w)"
        ),
        {**WIDE, "none": np.float32(0)},
    ),
    "dropout and identity": Case(
        signed("d = Dropout(x) h = MatMul(d, w) i = Identity(h) y = Dropout(i)")
    ),
    "a variance": Case(
        signed(
            "h = MatMul(x, w) n = MeanVarianceNormalization<axes = [1]>(h)"
            "y = MatMul(n, v)"
        ),
        BOTH,
    ),
    # --- layer norms as exporters spell them
    **{
        f"layer norm {name}": Case(signed(NORM + body), {**WIDE, **more}, opset=17)
        for name, body, more in (
            (
                "whole",
                "e = Add(var, eps) s = Sqrt(e) n = Div(d, s) g = Mul(n, gain)"
                "y = Add(g, shift)",
                {**EPS, **GAIN, **SHIFT},
            ),
            (
                "without shift",
                "e = Add(var, eps) s = Sqrt(e) n = Div(d, s) y = Mul(n, gain)",
                {**EPS, **GAIN},
            ),
            ("bare", "e = Add(var, eps) s = Sqrt(e) y = Div(d, s)", EPS),
            ("without epsilon", "s = Sqrt(var) y = Div(d, s)", {}),
        )
    },
    "layer norm of another axis": Case(
        images(
            "c = Conv(x, k) m = ReduceMean<axes = [1]>(c) d = Sub(c, m)"
            "q = Mul(d, d) r = ReduceMean<axes = [1]>(q) e = Add(r, eps) s = Sqrt(e)"
            "y = Div(d, s)"
        ),
        {"k": KERNEL, **EPS},
        (IMAGE,),
        opset=17,
    ),
    # --- double precision
    "fp64 weights": Case(
        signed(
            "d = Cast<to = 11>(x) m = MatMul(d, wide) h = Cast<to = 1>(m)"
            "y = MatMul(h, w)"
        ),
        {**WIDE, "wide": V.astype(np.float64)},
        low=0.4,
    ),
    "fp64 in and out": Case(
        signed(
            "h = Cast<to = 1>(x) m = MatMul(h, w) y = Cast<to = 11>(m)",
            "double[n,8] x",
            "double[n,8] y",
        ),
        batch=(X.astype(np.float64),),
    ),
    "fp64 nodes": Case(
        signed(
            "h = MatMul(x, w) d = Cast<to = 11>(h) t = Constant<value = double {0.1}>()"
            "s = Shape(h) o = ConstantOfShape<value = double[1] {1.0}>(s)"
            "m = Mul(d, t) p = Add(m, o) b = Cast<to = 1>(p) y = MatMul(b, v)"
        ),
        BOTH,
    ),
    # --- bodies
    "branches": Case(
        signed(
            "h = MatMul(x, w) s = ReduceSum<keepdims = 0>(h) p = Greater(s, zero)"
            "z = If(p) <"
            "then_branch = t () => (float[n,8] a) { a = MatMul(h, v) },"
            "else_branch = e () => (float[n,8] b) { c = MatMul(x, v) b = Tanh(c) }>"
            "y = MatMul(z, w)"
        ),
        {**BOTH, "zero": np.float32(0)},
        within=0.03,
    ),
    "nested branches": Case(
        signed(
            "h = MatMul(x, w) s = ReduceSum<keepdims = 0>(h) p = Greater(s, zero)"
            "y = If(p) <"
            "then_branch = t () => (float[n,8] a) {"
            " a = If(p) <then_branch = i () => (float[n,8] c) { c = MatMul(h, v) },"
            " else_branch = j () => (float[n,8] d) { d = Relu(h) }> },"
            "else_branch = e () => (float[n,8] b) {"
            " b = If(p) <then_branch = k () => (float[n,8] f) { f = Neg(h) },"
            " else_branch = l () => (float[n,8] g) { g = MatMul(x, v) }> }>"
        ),
        {**BOTH, "zero": np.float32(0)},
        within=0.03,
    ),
    "a border of precisions at a branch": Case(
        signed(
            "h = MatMul(x, w) s = ReduceSum<keepdims = 0>(h) p = Greater(s, zero)"
            "z = If(p) <"
            "then_branch = t () => (float[n,8] a) {"
            " d = Cast<to = 11>(h) f = Mul(d, d) a = Cast<to = 1>(f) },"
            "else_branch = e () => (float[n,8] b) { b = MatMul(h, v) }>"
            "y = MatMul(z, w)"
        ),
        {**BOTH, "zero": np.float32(0)},
        within=0.03,
    ),
    "a loop": Case(
        signed(
            "h = MatMul(x, w) y, all = Loop(three, , h) <body = b"
            " (int64 i, bool go, float[n,8] s) => (bool go2, float[n,8] t, float[n,8] u)"
            " { go2 = Identity(go) m = MatMul(s, v) a = Add(m, x) t = Tanh(a)"
            "   u = Identity(t) }>",
            outputs="float[n,8] y, float[k,n,8] all",
        ),
        {**BOTH, "three": np.array(3)},
        within=0.03,
    ),
    "a scan": Case(
        "net (float[k,2,8] x) => (float[2,8] y, float[k,2,8] all) {"
        "y, all = Scan<num_scan_inputs = 1, body = b"
        " (float[2,8] s, float[2,8] e) => (float[2,8] t, float[2,8] u)"
        " { m = MatMul(s, w) a = Add(m, e) t = Tanh(a) u = Identity(t) }>(start, x) }",
        {**WIDE, "start": np.zeros((2, 8), "f4")},
        (normal(3, 2, 8),),
        within=0.03,
    ),
    # --- values beyond fp16 between the ops
    "an overflow between": Case(
        signed("h = MatMul(x, w) a = Mul(h, up) b = Mul(a, down) y = MatMul(b, v)"),
        {**BOTH, "up": np.float32(1e8), "down": np.float32(1e-8)},
        within=0.03,
    ),
    "an overflow in every op": Case(
        signed("a = Mul(x, up) y = MatMul(a, w)"),
        {**WIDE, "up": np.float32(1e7)},
        low=0.0,
        converts=False,
    ),
    "an exponential": Case(
        signed(
            "h = MatMul(x, w) t = Mul(h, ten) e = Exp(t) l = Log(e) y = MatMul(l, v)"
        ),
        {**BOTH, "ten": np.float32(12)},
        within=0.04,
    ),
    # --- opsets
    **{
        f"{operator}{axis} of opset 11": Case(
            images(f"c = Conv(x, k) y = {operator}{axis}(c)"),
            {"k": KERNEL},
            (IMAGE,),
            opset=11,
            within=0.03,
        )
        for operator, axis in (
            ("Softmax", ""),
            ("LogSoftmax", "<axis = 2>"),
            ("Softmax", "<axis = -2>"),
            ("LogSoftmax", "<axis = 3>"),
        )
    },
    **{
        f"opset {opset}": Case(
            images("c = Conv(x, k) r = Relu(c) y = Softmax<axis = 1>(r)"),
            {"k": KERNEL},
            (IMAGE,),
            opset=opset,
        )
        for opset in (9, 11, 13, 17, 22)
    },
}


NOTHING: Mapping[str, Case] = {
    "casts alone": Case(
        signed("y = Cast<to = 1>(x)", "int64[n,8] x"),
        batch=(np.arange(16).reshape(2, 8),),
    ),
    "integers": Case(
        signed("y = Add(x, x)", "int64[n,8] x", "int64[n,8] y"),
        batch=(np.arange(16).reshape(2, 8),),
    ),
    "fp64": Case(
        signed("y = MatMul(x, w)", "double[n,8] x", "double[n,8] y"),
        {"w": W.astype(np.float64)},
        (X.astype(np.float64),),
    ),
    "fp16": Case(
        signed("y = MatMul(x, w)", "float16[n,8] x", "float16[n,8] y"),
        {"w": W.astype(np.float16)},
        (X.astype(np.float16),),
    ),
}
"""Graphs without any fp32 arithmetic."""


def built(case: Case) -> onnx.ModelProto:
    own = f', "{case.domain}" : 1' if case.domain else ""
    header = f'<ir_version: 8, opset_import: ["" : {case.opset}{own}]>\n'
    model = parser.parse_model(header + case.text)
    for name, value in case.weights.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model


def values(graph: onnx.GraphProto) -> list[tuple[str, Any]]:
    return [
        (v.name, v.type.tensor_type.elem_type) for v in (*graph.input, *graph.output)
    ]


def exact(model: onnx.ModelProto, batch: tuple[Any, ...]) -> list[Any]:
    """What plain ONNX Runtime computes of the model as it was."""
    session = opened(model.SerializeToString())
    names = [one.name for one in session.get_inputs()]
    given = dict(zip(names, batch, strict=True))
    found = session.run_with_ort_values(
        None, {k: ort.OrtValue.ortvalue_from_numpy(v) for k, v in given.items()}
    )
    return [
        None if "bfloat16" in each.data_type() else each.numpy().astype(np.float64)
        for each in found
    ]


def opened(model: bytes | str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def share(traced: Any, placement: Any) -> float:
    """Of the contractions' FLOPs, how many are in 16 bits; 1 without any."""
    counted = {op.id: op.flops for op in traced.graph.ops if op.kind is Kind.COMPUTE}
    low = sum(n for op, n in counted.items() if placement[op] is not FP32)
    return low / sum(counted.values()) if counted else 1.0


@pytest.mark.parametrize("where", RUNTIMES)
@pytest.mark.parametrize("name", CASES)
def test_it_converts_as_rounding_allows(tmp_path: Path, name: str, where: str) -> None:
    case = CASES[name]
    if where in case.refused:
        with pytest.raises(ModelError, match=case.refused[where]) as caught:
            converted(case, where, tmp_path)
        assert "model.runtime" in caught.value.remedy
        return
    traced, placement, path = converted(case, where, tmp_path)
    low = RUNTIMES[where][1]
    assert share(traced, placement) >= (case.low if case.converts else 0)
    assert low in placement.values() or not case.converts
    check(case, path, low, case.within, RUNTIMES[where][0])


def converted(
    case: Case, where: str, folder: Path, pins: Pins | None = None
) -> tuple[Any, Any, Path]:
    """What was traced, what is low, and the file: everything that may be."""
    runtime, low = RUNTIMES[where]
    onnx.save(built(case), folder / "net.onnx")
    model = load_onnx(folder / "net.onnx")
    traced = runtime.trace(model, case.batch, low=low, inputs=())
    found = everything_low(traced, low=low, objective=low_compute, pins=pins or Pins())
    placement = found.plans[0].placement
    path = traced.save(traced.apply(placement), folder / "low.onnx")
    return traced, placement, path


def check(
    case: Case, path: Path, low: Precision, within: float, runtime: ModuleType
) -> None:
    """See that a converted file is a model, and the one that it was."""
    saved, proto = onnx.load(path), built(case)
    onnx.checker.check_model(saved, full_check=True)
    assert values(saved.graph) == values(proto.graph)
    if low is FP16:  # ONNX Runtime's CPU provider has no bf16
        opened(str(path))
    made = runtime.load_saved(path)(case.batch)
    for wanted, given in zip(exact(proto, case.batch), made, strict=True):
        if wanted is None:
            continue
        assert given.shape == wanted.shape
        assert np.isfinite(given).all() == np.isfinite(wanted).all()
        assert not wanted.size or relative_error(wanted, given) <= within


@pytest.mark.parametrize("where", RUNTIMES)
@pytest.mark.parametrize("name", NOTHING)
def test_without_fp32_it_is_refused_with_the_reason(
    tmp_path: Path, name: str, where: str
) -> None:
    with pytest.raises(NarrowcastError, match="no op can be converted") as caught:
        converted(NOTHING[name], where, tmp_path)
    assert caught.value.remedy


EQUATIONS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "ij,jk->ik": ((2, 8), (8, 8)),
    "ij,kj": ((2, 8), (4, 8)),
    "bij,bjk->bik": ((2, 3, 8), (2, 8, 4)),
    "bhqd,bhkd->bhqk": ((2, 2, 3, 8), (2, 2, 5, 8)),
    "bqhd,bkhd->bhqk": ((2, 3, 2, 8), (2, 5, 2, 8)),
    "bhqk,bkhd->bqhd": ((2, 2, 3, 5), (2, 5, 2, 8)),
    "abc,cde->abde": ((2, 3, 8), (8, 2, 4)),
    "abcd,cde->abe": ((2, 3, 2, 4), (2, 4, 8)),
    "abcd, dce -> eab": ((2, 3, 2, 4), (4, 2, 8)),
    "ij,j->i": ((3, 8), (8,)),
    "i,ij->j": ((8,), (8, 3)),
    "ab,abc->c": ((2, 4), (2, 4, 5)),
    "kn,mk->nm": ((8, 2), (3, 8)),
}


@pytest.mark.parametrize("where", ["any-bf16", "openvino-bf16", "any-fp16"])
@pytest.mark.parametrize("equation", EQUATIONS)
def test_a_contraction_by_einsum_is_low(
    tmp_path: Path, equation: str, where: str
) -> None:
    case = summed(equation, *EQUATIONS[equation])
    traced, placement, path = converted(case, where, tmp_path)
    assert share(traced, placement) == 1
    assert any(op.flops for op in traced.graph.ops)
    check(case, path, RUNTIMES[where][1], 0.01, RUNTIMES[where][0])


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("...ij,...jk->...ik", ((2, 3, 8), (2, 8, 4))),
        ("bij,bji->b", ((2, 3, 4), (2, 4, 3))),
        ("ij,kl->il", ((2, 3), (3, 4))),
        ("i,j->ij", ((3,), (4,))),
        ("ii,ij->j", ((3, 3), (3, 4))),
    ],
)
def test_another_einsum_stays_right(
    tmp_path: Path, equation: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    case = summed(equation, *shapes)
    _, _, path = converted(case, "any-bf16", tmp_path)
    check(case, path, BF16, 0.02, portable)


def summed(equation: str, one: tuple[int, ...], other: tuple[int, ...]) -> Case:
    """A contraction with a weight, between two ops that are low anyway."""
    x, k = normal(*one), normal(*other, scale=0.4)
    rank = np.einsum(equation, x, k).ndim
    sizes = ",".join(f"d{i}" for i in range(rank))
    shape = ",".join(map(str, one))
    text = (
        f"net (float[{shape}] x) => (float[{sizes}] y) {{ r = Relu(x)"
        f' h = Einsum<equation = "{equation}">(r, k) y = Tanh(h) }}'
    )
    return Case(text.replace("float[] y", "float y"), {"k": k}, (x,))


@pytest.mark.parametrize("where", ["any-bf16", "onnxruntime-fp16"])
@pytest.mark.parametrize(
    ("pins", "high"),
    [
        (Pins(types={"MatMul": "keep"}), {"h", "y"}),
        (Pins(names={"h|r": "keep"}), {"h", "r"}),
        (Pins(types={"Relu": "keep"}, names={"y": "keep"}), {"r", "y"}),
    ],
)
def test_what_the_user_names_stays_fp32(
    tmp_path: Path, where: str, pins: Pins, high: set[str]
) -> None:
    case = Case(signed("h = MatMul(x, w) r = Relu(h) y = MatMul(r, v)"), BOTH)
    _, placement, path = converted(case, where, tmp_path, pins)
    assert high <= {op for op, found in placement.items() if found is FP32}
    check(case, path, RUNTIMES[where][1], 0.02, RUNTIMES[where][0])


def test_what_is_too_small_for_fp16_keeps_its_sign(tmp_path: Path) -> None:
    tiny = np.array([1e-9, -1e-9, 3e-8, -3e-8, 0.0, -0.0, 1e-30, -1e-30], "f4")
    case = Case(signed("h = MatMul(x, w) y = Mul(h, tiny)"), {**WIDE, "tiny": tiny})
    _, placement, path = converted(case, "any-fp16", tmp_path)
    found = [
        numpy_helper.to_array(each)
        for each in onnx.load(path).graph.initializer
        if list(each.dims) == [8]
    ]
    assert placement["y"] is FP32 or found
    for each in found:
        np.testing.assert_array_equal(np.signbit(each), np.signbit(tiny))


@pytest.mark.parametrize("runtime", [portable, openvino])
def test_wrong_inputs_are_told_without_a_dataset(runtime: ModuleType) -> None:
    """They may be made up from model.inputs alone."""
    case = CASES["io types"]
    model, low = built(case), BF16
    wrong: list[tuple[tuple[Any, ...], tuple[Input, ...], str]] = [
        ((X, X), (), "2 inputs are given, the model takes 1: x"),
        ((normal(2, 9),), (), r"shape \(2, 9\), the model takes \(n, 8\)"),
        ((X.astype("f8"),), (), "x is float64, the model takes float32"),
        ((X,), (Input("z", ("n", 8), "float32"),), "names `z`, which is no input"),
    ]
    for batch, inputs, said in wrong:
        with pytest.raises(DataError, match=said) as caught:
            runtime.trace(model, batch, low=low, inputs=inputs)
        told = f"{caught.value} {caught.value.remedy}"
        assert not any(word in told for word in ("dataset", "the data ", "factory"))


def test_one_model_serves_batches_of_any_size(tmp_path: Path) -> None:
    case = CASES["branches"]
    _, _, path = converted(case, "any-bf16", tmp_path)
    predict = portable.load_saved(path)
    for rows in (1, 3, 17):
        batch = (normal(rows, 8, seed=rows),)
        (wanted,) = exact(built(case), batch)
        (found,) = predict(batch)
        assert relative_error(wanted, found) < 0.03
