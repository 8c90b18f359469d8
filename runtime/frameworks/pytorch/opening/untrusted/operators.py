"""The operators that an exported program may call without trust."""

from __future__ import annotations

import re
from collections.abc import Set
from importlib import import_module

import torch
from torch._ops import OpOverload

from ....listing import listed
from ....refusals import Damaged, Unsafe
from ...ir.operators import DECOMPOSED, DEQUANTIZES, QUANTIZES
from .private import PRIVATE

OPERATOR = re.compile(r"torch\.ops\.([a-zA-Z]\w*)\.([a-zA-Z_]\w*)\.([a-zA-Z]\w*)")
HIGHER_ORDER = re.compile(r"torch\.ops\.higher_order\.([a-z]\w*)")

SIZES = """
_operator.abs _operator.add _operator.and_ _operator.eq _operator.floordiv _operator.ge
_operator.getitem _operator.gt _operator.le _operator.lshift _operator.lt _operator.mod
_operator.mul _operator.ne _operator.neg _operator.not_ _operator.or_ _operator.pos _operator.pow
_operator.rshift _operator.sub _operator.truediv
math.ceil math.floor math.sqrt math.trunc
torch.sym_float torch.sym_int torch.sym_ite torch.sym_max torch.sym_min torch.sym_not
torch.sym_sqrt torch.sym_sum torch._sym_sqrt
"""
TRANSFORMS = """
torch._C._set_grad_enabled
torch.amp.autocast_mode._enter_autocast
torch.amp.autocast_mode._exit_autocast
torch._functorch.predispatch._add_batch_dim
torch._functorch.predispatch._remove_batch_dim
torch._functorch.predispatch._vmap_decrement_nesting
torch._functorch.predispatch._vmap_increment_nesting
torch._functorch.predispatch.lazy_load_decompositions
"""
PYTHON = listed(SIZES + TRANSFORMS)
"""Arithmetic on sizes, and what torch.vmap and modes leave in a graph."""

RUNS_GRAPHS = """
associative_scan auto_functionalized auto_functionalized_v2 checkpoint cond
flex_attention invoke_subgraph map map_impl scan strict_mode tag_activation_checkpoint
while_loop wrap wrap_with_autocast wrap_with_set_grad_enabled
"""
REGIONS = listed(RUNS_GRAPHS)
"""Higher-order operators that run the graphs they are given, and nothing else."""

TEXT_IS_A_MODE = frozenset(["aten", "mkldnn", "onednn", "prims", "quantized"])
"""Namespaces of torch whose text arguments are names of modes."""

COMPUTING = TEXT_IS_A_MODE | {DECOMPOSED}
"""Torch's namespaces of what user code calls; it has others for itself."""

OWN = """
_c10d_functional _c10d_functional_autograd _dtensor _inductor_debug _inductor_test
_native _quantized _test _torch_testing aoti_custom_ops aoti_torch aoti_torch_cpu ao
bucketing c10d c10d_functional cpp_extension cuda debug_mode_ops debugprims device_mesh
dist export fsdp inductor inductor_prims mkl mkldnn_prepacked onnx prim profiler
quantization rngprims rpc semi_structured sparse static_runtime streams symm_mem
torch_attn torchbind triton xnnpack
"""
INTERNAL = listed(OWN)
"""Namespaces that torch keeps for its compilers, distribution and tests."""

TORCH = COMPUTING | INTERNAL
"""All that torch itself registers."""

UNCHECKED = """
data fbgemm_linear_fp16_weight fbgemm_linear_fp16_weight_fp32_activation
fbgemm_linear_int8_weight fbgemm_linear_int8_weight_fp32_activation
fbgemm_linear_quantize_weight fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix
from_file mkldnn_rnn_layer nested_to_padded_tensor record_stream resize resize_ resize_as
resize_as_ resize_as_sparse resize_as_sparse_ segment_reduce set set_ set_data
sparse_resize sparse_resize_ sparse_resize_and_clear sparse_resize_and_clear_
data_ptr _get_mkldnn_serialized_md _nbytes
embedding_bag_2bit_rowwise_offsets embedding_bag_4bit_rowwise_offsets
embedding_bag_byte_rowwise_offsets
"""
RAW = listed(UNCHECKED)
"""Public operators that show memory which was never written or is not a tensor's."""

FILES = frozenset(["aten::from_file"])

QUANTIZED = "torch.ao.quantization.fx._decomposed"
"""The module of torch's that registers what quantized programs call."""


def check_operator(target: str, known: Set[str] = frozenset()) -> None:
    """Hold a call to operators that compute on tensors.

    A target names any attribute of torch: `torch.os.system` is one.

    Args:
        known: Operators, as `space::name`, that the caller answers for.

    Raises:
        Unsafe: It may reach files, processes, Python or memory that is not a tensor's.
        Damaged: Nothing here registers the operator.
    """
    if target in PYTHON:
        return
    if match := HIGHER_ORDER.fullmatch(target):
        if match[1] not in REGIONS:
            raise Unsafe(f"it calls the higher-order operator `{match[1][:60]}`")
        return
    match = OPERATOR.fullmatch(target)
    if match is None:
        raise Unsafe(f"it calls `{target[:60]!r}`, which is no operator")
    space, name, overload = match.groups()
    if space == DECOMPOSED and name in QUANTIZES | DEQUANTIZES:
        import_module(QUANTIZED)
    found = getattr(getattr(getattr(torch.ops, space), name, None), overload, None)
    if not isinstance(found, OpOverload):
        raise Damaged(
            f"calls the operator {space}::{name}.{overload}, which nothing here registers",
            "Give `factory` a function that imports the operator's package and returns "
            "torch.export.load(...).module().",
        )
    if f"{space}::{name}" in known:
        return
    if _reaches_out(found):
        raise Unsafe(f"it calls {space}::{name}, which may reach files")
    if _is_raw(space, name) or (space in COMPUTING and _grows(found)):
        raise Unsafe(
            f"it calls {space}::{name}, which may reach memory that is not its own"
        )


def _is_raw(space: str, name: str) -> bool:
    """Whether the operator trusts its caller with addresses, sizes or layouts."""
    if space not in COMPUTING:
        return space in INTERNAL
    if space == DECOMPOSED:
        return name not in QUANTIZES | DEQUANTIZES
    return name in RAW or (
        space == "aten" and _is_private(name) and name not in PRIVATE
    )


def _grows(operator: OpOverload) -> bool:
    """Whether it writes to a tensor that it makes larger if need be."""
    return any(argument.is_out for argument in operator._schema.arguments)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _reaches_out(operator: OpOverload) -> bool:
    """Whether TorchScript alone has it, or text goes in that may be a file's name."""
    schema = operator._schema
    try:
        torch._C._dispatch_find_schema_or_throw(schema.name, schema.overload_name)
    except RuntimeError:
        return True
    text = any("str" in str(each.type) for each in schema.arguments)
    return schema.name in FILES or (
        text and schema.name.split("::")[0] not in TEXT_IS_A_MODE
    )
