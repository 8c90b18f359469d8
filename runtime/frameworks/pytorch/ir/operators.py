"""What is known of ATen operators before any of them is probed.

Kinds follow what the operator does to its values (torch's own autocast lists class
operators by safety, which here is measured instead). Names are schema names without
overload and without the trailing underscore of in-place variants.
"""

from __future__ import annotations

from ....graph.graph import Kind
from ....graph.growth import Growth
from ...listing import grown, listed

COMPUTE = listed(
    """
    addbmm addmm addmv baddbmm bilinear bmm chain_matmul conv1d conv2d conv3d
    conv_transpose1d conv_transpose2d conv_transpose3d convolution dot einsum gru
    gru_cell inner linear lstm lstm_cell matmul mkldnn._convolution_pointwise
    mkldnn._linear_pointwise mm mv outer rnn_relu rnn_relu_cell rnn_tanh
    rnn_tanh_cell scaled_dot_product_attention tensordot
    """
)

MOVER = listed(
    """
    _unsafe_view abs adaptive_max_pool1d adaptive_max_pool2d adjoint alias
    alpha_dropout amax amin as_strided atleast_1d atleast_2d atleast_3d block_diag
    broadcast_tensors broadcast_to cat channel_shuffle chunk clamp clamp_max
    clamp_min clone column_stack concat concatenate constant_pad_nd contiguous
    cummax cummin detach diag diag_embed diagonal dropout dstack embedding expand
    expand_as feature_dropout fill flatten flip fliplr flipud fmax fmin full_like
    gather hardtanh hstack im2col index index_copy index_fill index_select kthvalue
    lift_fresh_copy mH mT masked_fill masked_scatter masked_select max max_pool1d
    max_pool2d max_pool2d_with_indices max_pool3d maximum median meshgrid min
    minimum mode moveaxis movedim nanmedian narrow narrow_copy native_dropout neg
    numpy_T ones_like pad permute pixel_shuffle pixel_unshuffle ravel
    reflection_pad1d reflection_pad2d relu relu6 repeat repeat_interleave
    replication_pad1d replication_pad2d reshape reshape_as roll rot90 scatter select
    select_scatter sign slice slice_scatter sort split split_with_sizes squeeze
    stack swapaxes swapdims t take take_along_dim tensor_split threshold tile topk
    transpose tril triu unbind unflatten unfold unsqueeze upsample_nearest1d
    upsample_nearest2d upsample_nearest3d view view_as vstack where zeros_like
    """
)

FIXED = listed(
    """
    _assert_async _assert_tensor_metadata _to_copy arange argmax argmin argsort
    _fake_quantize_learnable_per_channel_affine
    _fake_quantize_learnable_per_tensor_affine bernoulli bucketize empty empty_like eq
    equal eye fake_quantize_per_channel_affine fake_quantize_per_tensor_affine full ge gt isclose isfinite
    isinf isnan item le linspace logical_and logical_not logical_or logical_xor
    logspace lt multinomial ne new_empty new_full new_ones new_zeros nonzero normal
    ones one_hot rand rand_like randint randn randn_like randperm scalar_tensor
    searchsorted sym_constrain_range_for_size to type_as zeros
    """
)

DECOMPOSED = "quantized_decomposed"
"""The namespace of the PyTorch 2 Export flow's operators."""

QUANTIZES = listed(
    """
    choose_qparams choose_qparams_per_token choose_qparams_per_token_asymmetric
    choose_qparams_symmetric quantize_per_channel quantize_per_channel_group
    quantize_per_tensor quantize_per_token
    """
)
"""Of these, those that read floats, of any precision; and that make them."""

DEQUANTIZES = listed(
    """
    dequantize_per_channel dequantize_per_channel_group dequantize_per_tensor
    dequantize_per_token
    """
)

BODIES = {
    "cond": ("true", "false"),
    "map_impl": ("body",),
    "scan": ("body",),
    "while_loop": ("condition", "body"),
}
"""Higher-order operator → what its bodies are called, in the order it takes them.

Their last argument is what every body takes last and leaves as it is.
"""

RENAMED = {"_native_batch_norm_legit_no_training": "batch_norm"}
"""What functionalisation calls an operator → the name that users know."""


def kind(name: str) -> Kind:
    """The kind of an ATen operator; arithmetic unless it is known to be something else."""
    if name in COMPUTE:
        return Kind.COMPUTE
    if name in MOVER:
        return Kind.MOVER
    if name in FIXED or name in BODIES or "." in name:
        return Kind.FIXED
    return Kind.POINTWISE


GROWTH = grown(
    counts="arange cumsum cumprod linspace logcumsumexp range scalar_tensor",
    keeps="""
    _to_copy bmm div divide einsum inner linear log log10 log1p log2 logspace matmul mm
    mul multiply mv outer reciprocal rsqrt sqrt square tensordot to true_divide type_as
    """,
    sums="add addcdiv addcmul lerp rsub sub subtract",
    rounds="ceil floor floor_divide fmod frac remainder round trunc",
    reads="""
    cos cosh erf exp exp2 expm1 float_power heaviside logit polar pow sin sinc sinh tan
    """,
)


def growth(name: str, rounds: bool = False) -> Growth:
    """What an ATen operator makes of whole numbers larger than those that were seen.

    Args:
        rounds: Whether it is called with a rounding mode.
    """
    if rounds:
        return Growth.ROUNDS
    return GROWTH.get(name, Growth.KEEPS if name in MOVER else Growth.ENDS)
