"""Graphs that come quantized, as other tools write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from narrowcast.runtime.frameworks.quantizing.quantization import Scale
from narrowcast.runtime.frameworks.tensorflow.ir.frozen import (
    Endpoint,
    Frozen,
    Signature,
)
from narrowcast.runtime.frameworks.tensorflow.ir.protos import GraphDef, NodeDef
from narrowcast.runtime.frameworks.tensorflow.ir.weights import constant
from narrowcast.runtime.frameworks.tensorflow.writing.int8 import nodes
from narrowcast.runtime.graph.graph import Precision


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def convolved() -> tuple[Frozen, Any]:
    """QuantizeV2 → int8 convolution → Dequantize → product in fp32."""
    shape = (2, 8, 8, 16)
    given, made = Scale(4 / 127, 0, "int8"), Scale(8 / 255, 0, "uint8")
    w = normal(3, 3, 16, 8, seed=1) / 12
    most = np.abs(w).max((0, 1, 2))
    graph = GraphDef()
    x = NodeDef(name="x", op="Placeholder")
    x.attr["dtype"].type = nodes.FLOAT
    for size in (-1, *shape[1:]):
        x.attr["shape"].shape.dim.add(size=size)
    source = NodeDef(name="c", op="Conv2D")
    source.attr["strides"].list.i.extend([1, 1, 1, 1])
    source.attr["padding"].s = b"SAME"
    operands = nodes.Operands(
        nodes.Integral("q", "q:1", "q:2"),
        nodes.Integral("w", "w/low", "w/high"),
        "b",
        ("c/low", "c/high"),
    )
    product = NodeDef(name="p", op="MatMul", input=["flat", "v"])
    product.attr["T"].type = nodes.FLOAT
    flat = NodeDef(name="flat", op="Reshape", input=["d", "sizes"])
    flat.attr["T"].type = nodes.FLOAT
    flat.attr["Tshape"].type = tf.int32.as_datatype_enum
    graph.node.extend(
        [
            x,
            *nodes.range_nodes("q", given),
            nodes.quantize("q", "x", ("q/low", "q/high"), given),
            nodes.integers("w", np.rint(w / most * 127)),
            constant("w/low", -most),
            constant("w/high", most),
            constant("b", normal(8, seed=2)),
            *nodes.range_nodes("c", made),
            nodes.convolution("c", source, operands, "int8", "uint8", True),
            nodes.dequantize("d", nodes.Integral("c", "c:1", "c:2"), "uint8"),
            constant("sizes", np.array([-1, 512], np.int32)),
            flat,
            constant("v", normal(512, 64, seed=3) / 20),
            product,
        ]
    )
    return _frozen(graph, (None, *shape[1:]), (None, 64)), normal(*shape, seed=4)


def multiplied() -> tuple[Frozen, Any]:
    """QuantizeV2 → int8 product to fp32 → product in fp32."""
    given = Scale(4 / 127, 0, "int8")
    w = normal(32, 64, seed=1) / 6
    most = np.abs(w).max(0)
    operands = nodes.Operands(
        nodes.Integral("q", "q:1", "q:2"), nodes.Integral("w", "w/low", "w/high"), "b"
    )
    graph = GraphDef()
    x = NodeDef(name="x", op="Placeholder")
    x.attr["dtype"].type = nodes.FLOAT
    for size in (-1, 32):
        x.attr["shape"].shape.dim.add(size=size)
    product = NodeDef(name="p", op="MatMul", input=["m", "v"])
    product.attr["T"].type = nodes.FLOAT
    graph.node.extend(
        [
            x,
            *nodes.range_nodes("q", given),
            nodes.quantize("q", "x", ("q/low", "q/high"), given),
            nodes.integers("w", np.rint(w / most * 127)),
            constant("w/low", -most),
            constant("w/high", most),
            constant("b", normal(64, seed=2)),
            nodes.product("m", operands, "int8", True, Precision.FP32),
            constant("v", normal(64, 16, seed=3) / 8),
            product,
        ]
    )
    return _frozen(graph, (None, 32), (None, 16)), normal(4, 32, seed=4)


def _frozen(graph: Any, taken: Any, made: Any) -> Frozen:
    graph.versions.producer = tf.version.GRAPH_DEF_VERSION
    ends = (
        (Endpoint("x", "x:0", "float32", taken),),
        (Endpoint("y", "p:0", "float32", made),),
    )
    return Frozen(graph, (Signature("serving_default", *ends),))
