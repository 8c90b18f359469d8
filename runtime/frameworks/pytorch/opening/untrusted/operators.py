"""The operators that an exported program may call without trust."""

from __future__ import annotations

import re

import torch
from torch._ops import OpOverload

from ....listing import listed
from ....refusals import Damaged, Unsafe

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
"""Namespaces of torch whose text arguments are names of modes, with one exception."""

FILES = frozenset(["aten::from_file"])


def check_operator(target: str) -> None:
    """Hold a call to operators that compute on tensors.

    A target names any attribute of torch: `torch.os.system` is one.

    Raises:
        Unsafe: It may reach files, processes or Python.
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
    known = getattr(getattr(torch.ops, space), name, None)
    found = getattr(known, overload, None)
    if not isinstance(found, OpOverload):
        raise Damaged(
            f"calls the operator {space}::{name}.{overload}, which nothing here registers",
            "Give `factory` a function that imports the operator's package and returns "
            "torch.export.load(...).module().",
        )
    if _reaches_out(found):
        raise Unsafe(f"it calls {space}::{name}, which may reach files")


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
