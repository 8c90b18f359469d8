"""Outputs in built-in containers, so that a saved model loads without its library.

transformers returns its own classes, which a `.pt2` names: only a process that has
imported that library could load it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torch import fx
from torch.fx.graph import _PyTreeCodeGen
from torch.utils import _pytree as pytree

BUILT_IN = frozenset({tuple, list, dict, OrderedDict, type(None)})


def return_built_ins(module: fx.GraphModule) -> None:
    """Let the graph return tuples and dicts of the same tensors under the same keys."""
    codegen = module.graph._codegen
    assert isinstance(codegen, _PyTreeCodeGen)
    info = codegen.pytree_info
    assert info.out_spec is not None
    codegen.pytree_info = info._replace(out_spec=_built_in(info.out_spec))
    module.recompile()


def _built_in(spec: pytree.TreeSpec) -> pytree.TreeSpec:
    children = [_built_in(child) for child in spec.children()]
    if spec.type in BUILT_IN or spec.is_leaf():
        return pytree.TreeSpec(spec.type, spec.context, children)
    keys = _keys(spec)
    if keys is None:
        return pytree.TreeSpec(tuple, None, children)
    return pytree.TreeSpec(dict, keys, children)


def _keys(spec: pytree.TreeSpec) -> list[Any] | None:
    """Names of a mapping's or a dataclass's children; None for what has indices."""
    named = pytree.SUPPORTED_NODES[spec.type].flatten_with_keys_fn
    if named is None:
        return None
    value = pytree.tree_unflatten([0] * spec.num_leaves, spec)
    found = []
    for key, _child in named(value)[0]:
        if isinstance(key, pytree.MappingKey):
            found.append(key.key)
        elif isinstance(key, pytree.GetAttrKey) and not isinstance(value, tuple):
            found.append(key.name)
        else:
            return None
    return found
