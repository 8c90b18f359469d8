"""Batch norms, and scales and shifts by channel, folded into what feeds them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bodies.bodies import Body, rewired
from ..bodies.inline import unused
from ..ir.naming import parsed
from ..ir.protos import NodeDef, types
from ..ir.weights import constant
from .affine import OLD_NORM, PRODUCERS, Affine, affine, constant_of, layout, scaled
from .draft import Draft, redirect, takers

BATCHED = frozenset(["BatchMatMul", "BatchMatMulV2"])
"""Their shifts stay as they are: TensorFlow fuses an Add with them, and no BiasAdd."""


def fold_norms(draft: Draft, body: Body) -> None:
    """W' = W·s and b' = b·s + t, computed in fp64, until no more can be folded."""
    open_ = list(body.nodes)
    while open_:
        taken = takers(body)
        again = []
        for name in open_:
            node = body.nodes.get(name)
            found = None if node is None else affine(body, node)
            if found is None or _others_taken(body, node, taken):
                continue
            if _fold(draft, body, found, taken):
                taken = takers(body)
                again.extend(taken.get(name, ()) or list(body.nodes))
        open_ = [name for name in dict.fromkeys(again) if name]


def _others_taken(body: Body, node: Any, taken: dict[str, list[str]]) -> bool:
    """Whether something takes a norm's statistics."""
    inputs = [e for n in taken.get(node.name, ()) if n for e in body.nodes[n].input]
    inputs += [each.tensor for each in body.returns]
    return any(parsed(e)[0] == node.name and parsed(e)[1] != 0 for e in inputs)


def _fold(draft: Draft, body: Body, found: Affine, taken: dict[str, list[str]]) -> bool:
    """Fold into the producer and its bias; whether that could be done."""
    bias, producer = _fed_by(body, found, taken)
    if producer is None or _aborts_with_a_bias(producer):
        return False
    at, _ = PRODUCERS[producer.op]
    weight = constant_of(body, producer.input[at])
    new = None if weight is None else scaled(producer, weight, found.scale)
    if new is None or (bias is not None and bias.shift.size != found.shift.size):
        return False
    shift = found.shift + (found.scale * bias.shift if bias is not None else 0)
    narrow, added = new.astype(np.float32), shift.astype(np.float32)
    if not (np.isfinite(narrow).all() and np.isfinite(added).all()):
        return False  # the norm brings back into range what the layer alone would leave
    if bias is None and found.node.op == "BiasAdd":
        return False
    if bias is None and (found.scale == 1).all() and producer.op in BATCHED:
        return False
    if (found.scale != 1).any():
        name = _written(draft, body, producer, at, narrow, taken)
        inputs = list(producer.input)
        inputs[at] = name
        body.nodes[producer.name] = rewired(producer, inputs)
    _absorb(draft, body, found, producer.name)
    if bias is None and not added.any() and found.node.op == "Mul":
        redirect(body, {found.node.name: producer.name})
        del body.nodes[found.node.name]
        return True
    adds = found.node if bias is None else bias.node
    if bias is not None:
        _absorb(draft, body, found, bias.node.name)
        redirect(body, {found.node.name: bias.node.name})
        del body.nodes[found.node.name]
    elif found.node.op != "BiasAdd":
        draft.absorb(body, adds.name, found.node)
    _put_bias(draft, body, adds, producer, added, bias or found)
    return True


def _aborts_with_a_bias(producer: Any) -> bool:
    """Whether TensorFlow 2.21's fused kernel for it and a bias ends the process."""
    if producer.op != "DepthwiseConv2dNative":
        return False  # a look at an attribute that is not there would make it
    explicit: bool = producer.attr["padding"].s == b"EXPLICIT"
    return explicit


def _fed_by(
    body: Body, found: Affine, taken: dict[str, list[str]]
) -> tuple[Affine | None, Any]:
    """The bias, if any, and the producer whose only taker the node is."""
    bias, source = None, found.source
    node = _alone(body, source, taken)
    if node is not None and node.op in ("Add", "AddV2", "BiasAdd"):
        bias = affine(body, node)
        node = None if bias is None else _alone(body, bias.source, taken)
    if node is None or node.op not in PRODUCERS:
        return None, None
    if any(each.startswith("^") for each in node.input):
        return None, None
    layouts = {layout(node)} | {
        b"NHWC" if each.op in ("Add", "AddV2", "Mul", "Sub", OLD_NORM) else layout(each)
        for each in ([found.node] if bias is None else [found.node, bias.node])
    }
    return (bias, node) if len(layouts) == 1 else (None, None)


def _alone(body: Body, tensor: str, taken: dict[str, list[str]]) -> Any:
    """The node that makes a tensor, if one node alone takes it."""
    name, index = parsed(tensor)
    return body.nodes.get(name) if not index and len(taken.get(name, ())) == 1 else None


def _written(
    draft: Draft, body: Body, producer: Any, at: int, value: Any, taken: dict[str, Any]
) -> str:
    """A weight's new value, under its own name unless others take the old one."""
    old = name = parsed(producer.input[at])[0]
    if len(taken.get(old, ())) > 1:
        name = unused(body.nodes, f"{producer.name}/{old.rpartition('/')[2]}")
        draft.absorb(body, name, body.nodes[old], also=False)
    body.nodes[name] = constant(name, value, types.DT_FLOAT)
    return name


def _absorb(draft: Draft, body: Body, found: Affine, into: str) -> None:
    for each in found.constants:
        draft.absorb(body, into, body.nodes[each], also=False)
    draft.absorb(body, into, found.node)


def _put_bias(
    draft: Draft, body: Body, adds: Any, producer: Any, value: Any, old: Affine
) -> None:
    """Make a node the BiasAdd that TensorFlow's kernels fuse with the producer."""
    name = unused(body.nodes, f"{adds.name}/bias")
    body.nodes[name] = constant(name, value, types.DT_FLOAT)
    for each in old.constants:
        draft.absorb(body, name, body.nodes[each], also=False)
    if producer.op in BATCHED:
        made = NodeDef(name=adds.name, op="AddV2", input=[producer.name, name])
    else:
        made = NodeDef(name=adds.name, op="BiasAdd", input=[producer.name, name])
        made.attr["data_format"].s = layout(producer)
    made.attr["T"].type = types.DT_FLOAT
    body.nodes[adds.name] = made
