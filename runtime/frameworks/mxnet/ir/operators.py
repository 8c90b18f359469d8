"""What is known of MXNet's operators before any of them is probed.

Names are as symbols hold them: of aliases ("Flatten", "flatten"; "_Plus",
"elemwise_add") either may stand there.
"""

from __future__ import annotations

import re

from ....graph.graph import Kind
from ....graph.growth import Growth
from ...listing import grown, listed
from .network import Node
from .quantized.nodes import holds_integers

COMPUTE = listed(
    """
    Convolution Convolution_v1 Correlation Deconvolution FullyConnected RNN
    _contrib_DeformableConvolution _contrib_ModulatedDeformableConvolution
    _contrib_interleaved_matmul_encdec_qk _contrib_interleaved_matmul_encdec_valatt
    _contrib_interleaved_matmul_selfatt_qk
    _contrib_interleaved_matmul_selfatt_valatt _linalg_gemm _linalg_gemm2
    _linalg_syrk _linalg_trmm _np_dot _npi_einsum _npi_matmul _npi_tensordot
    _npi_tensordot_int_axes _npx_batch_dot _npx_convolution _npx_deconvolution
    _npx_fully_connected _npx_rnn _sparse_FullyConnected _sparse_dot batch_dot dot
    khatri_rao linalg_gemm linalg_gemm2 linalg_syrk linalg_trmm
    """
)

MOVER = listed(
    """
    BlockGrad Concat Crop Dropout Embedding Flatten MakeLoss Pad Reshape
    SequenceLast SequenceMask SequenceReverse SliceChannel SwapAxis _Maximum
    _MaximumScalar _Minimum _MinimumScalar _contrib_boolean_mask _contrib_index_copy
    _copy _identity_with_attr_like_rhs _maximum _maximum_scalar _minimum
    _minimum_scalar _np_copy _np_max _np_min _np_moveaxis _np_repeat _np_reshape
    _np_roll _np_squeeze _np_transpose _npi_broadcast_to _npi_clip _npi_concatenate
    _npi_expand_dims _npi_flip _npi_maximum _npi_minimum _npi_pad _npi_reshape
    _npi_slice _npi_split _npi_stack _npi_swapaxes _npi_take _npi_tile _npi_where
    _npx_batch_flatten _npx_embedding _npx_gather_nd _npx_pick _npx_relu
    _npx_reshape _npx_reshape_like _npx_sequence_mask _npx_slice _rnn_param_concat
    _slice_assign _slice_assign_scalar _split_v2 abs batch_take broadcast_axes
    broadcast_axis broadcast_like broadcast_maximum broadcast_minimum broadcast_to
    clip col2im concat crop depth_to_space diag expand_dims flatten flip gather_nd
    identity im2col make_loss max max_axis min min_axis negative ones_like pad pick
    relu repeat reshape reshape_like reverse scatter_nd sign slice slice_axis
    slice_like sort space_to_depth split squeeze stack stop_gradient swapaxes take
    tile transpose where zeros_like
    """
)

SAME_VALUES = {
    "Activation": ("act_type", {"relu"}),
    "LeakyReLU": ("act_type", set[str]()),
    "Pooling": ("pool_type", {"max"}),
    "UpSampling": ("sample_type", {"nearest"}),
}
"""Operator → an attribute and its values with which the operator rounds nothing."""

CONTROL_FLOW = frozenset(["_cond", "_foreach", "_while_loop"])

CREATORS = listed(
    """
    _eye _full _ones _zeros _zeros_without_dtype _npi_ones _npi_zeros
    """
)
"""They make a tensor from attributes; a size of 0 is inferred from who takes it."""

FIXED = (
    CONTROL_FLOW
    | CREATORS
    | listed(
        """
    Cast _arange _contrib_MultiBoxDetection _contrib_MultiBoxPrior _contrib_allclose
    _contrib_arange_like _contrib_bipartite_matching _contrib_box_nms
    _contrib_index_array _histogram _linspace _npi_arange _npi_argmax _npi_argmin
    _npi_argsort _npi_cast _npi_full _npx_arange_like _npx_cast _npx_one_hot
    _npx_shape_array _npx_topk _ravel_multi_index _shuffle _unravel_index amp_cast
    amp_multicast argmax argmax_channel argmin argsort cast cast_storage one_hot
    ravel_multi_index shape_array shuffle size_array topk unravel_index
    """
    )
)

FIXED_PARTS = ("random", "sample_", "_npi_normal", "_npi_uniform", "image_")
"""Operators with these in their names draw numbers, or set dtypes themselves."""

COMPARISONS = ("equal", "greater", "lesser", "less", "logical")
"""Operators with these in their names make zeros and ones in their inputs' dtype."""

PICKING = tuple(
    listed(
        """
        argmax argmin argsort one_hot topk bipartite_matching box_nms MultiBoxDetection
        Proposal MultiProposal
        """
    )
)
"""Operators whose names begin with these, prefixes aside, say which, not how much."""

PREFIX = re.compile(r"^_(contrib|npi|np|npx|sparse)_")

CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def picks(node: Node) -> bool:
    """Whether the op makes places, truths or a selection, which MXNet holds as floats."""
    if node.op in CONTROL_FLOW or node.attrs.get("ret_typ") == "value":
        return False
    picking = plain_name(node.op).startswith(PICKING)
    return picking or any(part in node.op for part in COMPARISONS)


def draws(node: Node) -> bool:
    """Whether the op draws random numbers in inference."""
    if plain_name(node.op).lower() == "dropout":
        return node.attrs.get("mode") == "always"
    return "shuffle" in node.op or any(part in node.op for part in FIXED_PARTS)


def plain_name(op: str) -> str:
    """The operator's name without what says where in MXNet it is from."""
    return PREFIX.sub("", op)


def kind(node: Node) -> Kind:
    """The kind of an operator; arithmetic unless it is known to be something else."""
    op = node.op
    if draws(node) or holds_integers(op, node.attrs):
        return Kind.FIXED
    if op in COMPUTE:
        return Kind.COMPUTE
    if op in MOVER:
        return Kind.MOVER
    if op in FIXED or any(part in op for part in (*FIXED_PARTS, *COMPARISONS)):
        return Kind.FIXED
    if op in SAME_VALUES:
        name, values = SAME_VALUES[op]
        return Kind.MOVER if node.attrs.get(name) in values else Kind.POINTWISE
    return Kind.POINTWISE


GROWTH = grown(
    counts="""
    arange arange_like argmax argmax_channel argmin argsort cumsum index_array linspace
    shape_array size_array topk unravel_index
    """,
    keeps="""
    amp_cast batch_dot broadcast_div broadcast_mul cast div div_scalar dot
    elemwise_div elemwise_mul interleaved_matmul_selfatt_qk log log10 log1p log2 matmul
    mul mul_scalar multiply multiply_scalar rcbrt reciprocal rsqrt sqrt square
    true_divide true_divide_scalar
    """,
    sums="""
    add add_n add_scalar broadcast_add broadcast_minus broadcast_plus
    broadcast_sub elemwise_add elemwise_sub minus minus_scalar plus plus_scalar
    rminus_scalar rsubtract_scalar sub subtract subtract_scalar
    """,
    rounds="""
    broadcast_mod ceil fix floor mod mod_scalar rint rmod_scalar round trunc
    """,
    reads="""
    broadcast_power cos cosh erf exp expm1 pow power power_scalar rpower_scalar sin sinh
    tan
    """,
)


def growth(op: str) -> Growth:
    """What an operator makes of whole numbers larger than those that were seen."""
    if any(part in op for part in COMPARISONS):
        return Growth.READS
    plain = CAMEL.sub("_", plain_name(op).removeprefix("_")).lower()
    return GROWTH.get(plain, Growth.KEEPS if op in MOVER else Growth.ENDS)
