"""What is known of TensorFlow's ops before any of them is probed.

Kinds follow what the op does to its values. Names are those of the op registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....graph.graph import Kind
from ....graph.growth import Growth
from ...listing import grown, listed
from .naming import parsed

COMPUTE = listed(
    """
    BatchMatMul BatchMatMulV2 BatchMatMulV3 BlockLSTM BlockLSTMV2 Conv Conv2D
    Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropInputV2 CudnnRNN
    CudnnRNNV2 CudnnRNNV3 DepthwiseConv2dNative Einsum GRUBlockCell LSTMBlockCell
    MatMul SparseMatMul SparseTensorDenseMatMul XlaConvV2 XlaDotV2
    _FusedBatchMatMulV2 _FusedConv2D _FusedDepthwiseConv2dNative _FusedMatMul
    """
)

INT8: Mapping[str, str] = {
    "QuantizedConv2D": "Conv2D",
    "QuantizedConv2DAndRelu": "Conv2D",
    "QuantizedConv2DAndReluAndRequantize": "Conv2D",
    "QuantizedConv2DAndRequantize": "Conv2D",
    "QuantizedConv2DPerChannel": "Conv2D",
    "QuantizedConv2DWithBias": "Conv2D",
    "QuantizedConv2DWithBiasAndRelu": "Conv2D",
    "QuantizedConv2DWithBiasAndReluAndRequantize": "Conv2D",
    "QuantizedConv2DWithBiasAndRequantize": "Conv2D",
    "QuantizedConv2DWithBiasSignedSumAndReluAndRequantize": "Conv2D",
    "QuantizedConv2DWithBiasSumAndRelu": "Conv2D",
    "QuantizedConv2DWithBiasSumAndReluAndRequantize": "Conv2D",
    "QuantizedDepthwiseConv2D": "DepthwiseConv2dNative",
    "QuantizedDepthwiseConv2DWithBias": "DepthwiseConv2dNative",
    "QuantizedDepthwiseConv2DWithBiasAndRelu": "DepthwiseConv2dNative",
    "QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize": "DepthwiseConv2dNative",
    "QuantizedMatMul": "MatMul",
    "QuantizedMatMulWithBias": "MatMul",
    "QuantizedMatMulWithBiasAndDequantize": "MatMul",
    "QuantizedMatMulWithBiasAndRelu": "MatMul",
    "QuantizedMatMulWithBiasAndReluAndRequantize": "MatMul",
    "QuantizedMatMulWithBiasAndRequantize": "MatMul",
    "_FusedQuantizedConv2D": "Conv2D",
    "_FusedQuantizedDepthwiseConv2D": "DepthwiseConv2dNative",
    "_QuantizedBatchMatMul": "BatchMatMulV2",
    "_QuantizedFusedMatMul": "MatMul",
    "_QuantizedFusedMatMulAndDequantize": "MatMul",
    "_QuantizedFusedMatMulAndRequantize": "MatMul",
    "_QuantizedMatMul": "MatMul",
}
"""Ops that contract integers → the op on floats that contracts as it does."""

MOVER = listed(
    """
    Abs BatchToSpace BatchToSpaceND BroadcastTo ClipByValue Concat ConcatV2 CopyHost
    DepthToSpace Diag DiagPart DynamicPartition DynamicStitch Empty EnsureShape
    ExpandDims ExtractImagePatches Fill Gather GatherNd GatherV2 Identity
    InvertPermutation LeakyRelu MatrixBandPart MatrixDiag MatrixDiagPart
    MatrixDiagPartV3 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV3 Max MaxPool
    MaxPool3D MaxPoolV2 MaxPoolWithArgmax Maximum Min Minimum MirrorPad Neg OneHot
    OnesLike Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
    PlaceholderWithDefault PreventGradient Relu Relu6 Reshape ResizeNearestNeighbor
    Reverse ReverseSequence ReverseV2 Roll ScatterNd Select SelectV2 Sign Slice
    Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze
    StopGradient StridedSlice TensorScatterUpdate Tile TopK TopKV2 Transpose Unpack
    ZerosLike
    """
)

FIXED = listed(
    """
    ApproximateEqual ArgMax ArgMin Bucketize Cast CheckNumerics CheckNumericsV2
    Const Equal FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel GreaterEqual Greater HistogramFixedWidth Less
    LessEqual LinSpace
    NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4
    NotEqual Placeholder QuantizeAndDequantize QuantizeAndDequantizeV2
    QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 Range RequantizationRange
    RequantizationRangePerChannel Requantize RequantizePerChannel Where
    """
)
"""Positions, comparisons, choices and roundings to integers: their fp32 operands must be
as they were."""

SHAPES = frozenset({"Rank", "Shape", "ShapeN", "Size"})
"""Ops that read a tensor's shape: they take it in whatever precision it is held."""


RESOURCES = listed("HashTableV2 MutableHashTableV2 VarHandleOp")
"""Ops that make what has state, shared by name."""

FILLERS = listed(
    """
    InitializeTableFromTextFileV2 InitializeTableV2 LookupTableImport LookupTableImportV2
    """
)
"""Ops that fill a table."""

WRITABLE = listed("MutableHashTable MutableHashTableV2")
"""Tables that a model may write; others can be filled only once."""


def fills_once(node: Any, nodes: Mapping[str, Any]) -> bool:
    """Whether a node fills a table that nothing writes."""
    return node.op in FILLERS and nodes[parsed(node.input[0])[0]].op not in WRITABLE


GROWTH = grown(
    counts="""
    Cumprod Cumsum CumulativeLogsumexp LinSpace Range Rank Shape ShapeN Size
    """,
    keeps="""
    BatchMatMul BatchMatMulV2 BatchMatMulV3 Cast Div DivNoNan Einsum Log Log1p MatMul Mul
    MulNoNan RealDiv Reciprocal Rsqrt Sqrt Square
    """,
    sums="Add AddN AddV2 SquaredDifference Sub",
    rounds="Ceil Floor FloorDiv FloorMod Mod Rint Round TruncateDiv TruncateMod",
    reads="""
    ApproximateEqual Complex Cos Cosh Equal Erf Exp Expm1 Greater GreaterEqual Less
    LessEqual NotEqual Pow Sin Sinh Tan
    """,
)


def is_quantized(op: str) -> bool:
    """Whether an op computes on integers that stand for reals."""
    return op in INT8 or op.startswith(("Quantized", "_Quantized"))


def growth(op: str) -> Growth:
    """What an op makes of whole numbers larger than those that were seen."""
    return GROWTH.get(op, Growth.KEEPS if op in MOVER else Growth.ENDS)


def kind(op: str) -> Kind:
    """The kind of an op; arithmetic unless it is known to be something else."""
    if op in COMPUTE:
        return Kind.COMPUTE
    if op in MOVER:
        return Kind.MOVER
    if op in FIXED or op in SHAPES or is_quantized(op):
        return Kind.FIXED
    return Kind.POINTWISE
