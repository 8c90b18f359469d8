"""What is known of ONNX operators before any of them is probed.

Kinds follow what the operator does to its values; an operator that is not listed does
arithmetic. Names are those of the default domain: operators of other domains set their
own types.
"""

from __future__ import annotations

import onnx_ir as ir

from ....graph.graph import Kind
from ....graph.growth import Growth
from ...listing import grown, listed

COMPUTE = listed(
    """
    Attention CausalConvWithState Conv ConvTranspose DFT DeformConv Einsum GRU Gemm
    LSTM LinearAttention MatMul RNN STFT
    """
)

MOVER = listed(
    """
    Abs CenterCropPad Clip Compress Concat DepthToSpace Dropout Expand Flatten
    Gather GatherElements GatherND GlobalMaxPool Identity Max MaxPool MaxRoiPool
    MaxUnpool Min Neg OneHot Pad ReduceMax ReduceMin Relu Reshape ReverseSequence
    Scatter ScatterElements ScatterND Sign Slice SpaceToDepth Split Squeeze
    TensorScatter ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Where
    """
)

FIXED = listed(
    """
    Bernoulli BitCast BlackmanWindow Cast CastLike ConcatFromSequence Constant
    ConstantOfShape DequantizeLinear DynamicQuantizeLinear EyeLike HammingWindow
    HannWindow If ImageDecoder Loop MelWeightMatrix Multinomial NonMaxSuppression
    Optional OptionalGetElement OptionalHasElement QLinearConv QLinearMatMul
    QuantizeLinear RandomNormal RandomNormalLike RandomUniform RandomUniformLike
    Range Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase
    SequenceInsert SequenceLength SequenceMap Shape Size SplitToSequence
    """
)
"""Operators that set dtypes themselves, hold sequences, or run bodies."""

READS_NO_VALUES = frozenset({"Shape", "Size"})
"""Operators that take a tensor in any precision and look at its shape alone."""

GROWTH = grown(
    counts="CumProd CumSum Range Shape Size",
    keeps="""
    Cast CastLike Div Einsum Gemm Log MatMul Mul Reciprocal Sqrt
    """,
    sums="Add Sub",
    rounds="Ceil Floor Mod Round",
    reads="Cos Cosh Equal Erf Exp Greater GreaterOrEqual Less LessOrEqual Pow Sin Sinh Tan",
)


def growth(node: ir.Node) -> Growth:
    """What a node makes of whole numbers larger than those that were seen."""
    if not is_standard(node):
        return Growth.ENDS
    moves = Growth.KEEPS if node.op_type in MOVER else Growth.ENDS
    return GROWTH.get(node.op_type, moves)


def kind(node: ir.Node) -> Kind:
    """The kind of a node's operator."""
    if not is_standard(node) or node.op_type in FIXED:
        return Kind.FIXED
    if node.op_type in COMPUTE:
        return Kind.COMPUTE
    return Kind.MOVER if node.op_type in MOVER else Kind.POINTWISE


def is_standard(node: ir.Node) -> bool:
    """Whether the operator is of ONNX's default domain."""
    return node.domain in ("", "ai.onnx")
