"""Batch norms, and scales and shifts by channel, folded into what feeds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...norms import in_range
from ..bodies.bodies import Body, rewired
from ..bodies.editing import drop, put, takers
from ..bodies.inline import unused
from ..ir.naming import parsed
from ..ir.protos import NodeDef, types
from ..ir.weights import constant
from .affine import OLD_NORM, PRODUCERS, Affine, affine, constant_of, layout, scaled
from .draft import Draft

BATCHED = frozenset(["BatchMatMul", "BatchMatMulV2"])
"""Their shifts stay as they are: TensorFlow fuses an Add with them, and no BiasAdd."""


def fold_norms(draft: Draft, body: Body) -> None:
    """W' = W·s and b' = b·s + t, computed in fp64, until no more can be folded."""
    open_ = list(body.nodes)
    taken = takers(body)
    while open_:
        again: list[str] = []
        for name in open_:
            node = body.nodes.get(name)
            found = None if node is None else affine(body, node)
            if found is None or _others_taken(body, node, taken):
                continue
            change = _change(body, found, taken)
            if change is not None:
                kept = _fold(draft, body, change, taken)
                again.extend(taken.get(kept, ()))
        open_ = [name for name in dict.fromkeys(again) if name]


def _others_taken(body: Body, node: Any, taken: dict[str, list[str]]) -> bool:
    """Whether something takes a norm's statistics."""
    inputs = [e for n in taken.get(node.name, ()) if n for e in body.nodes[n].input]
    inputs += [each.tensor for each in body.returns]
    return any(parsed(e)[0] == node.name and parsed(e)[1] != 0 for e in inputs)


@dataclass(frozen=True)
class Change:
    """What a layer becomes that takes in what scales and shifts its output.

    Attributes:
        found: The node that does.
        bias: The layer's bias, if it has one.
        weight: In fp32, as `shift`.
        shift: The new bias.
    """

    found: Affine
    bias: Affine | None
    producer: Any
    weight: Any
    shift: Any

    @property
    def scales(self) -> bool:
        return bool((self.found.scale != 1).any())

    @property
    def shifts(self) -> bool:
        return self.bias is not None or self.found.node.op != "Mul" or self.shift.any()

    @property
    def folds(self) -> bool:
        """Whether there is anything to fold: a bias of a layer is one already."""
        if self.bias is not None:
            return True
        op = self.found.node.op
        return op != "BiasAdd" and (self.scales or self.producer.op not in BATCHED)


def _change(body: Body, found: Affine, taken: dict[str, list[str]]) -> Change | None:
    """What folding would do, None if it can't be done."""
    bias, producer = _fed_by(body, found, taken)
    if producer is None or _aborts_with_a_bias(producer):
        return None
    weight = constant_of(body, producer.input[PRODUCERS[producer.op][0]])
    new = None if weight is None else scaled(producer, weight, found.scale)
    if new is None or (bias is not None and bias.shift.size != found.shift.size):
        return None
    shift = found.shift + (found.scale * bias.shift if bias is not None else 0)
    narrow, added = new.astype(np.float32), shift.astype(np.float32)
    change = Change(found, bias, producer, narrow, added)
    return change if in_range(narrow, added) and change.folds else None


def _fold(draft: Draft, body: Body, change: Change, taken: dict[str, list[str]]) -> str:
    """Fold into the producer and its bias; the node that makes what the folded made."""
    node, producer = change.found.node, change.producer
    if change.scales:
        at, _ = PRODUCERS[producer.op]
        inputs = list(producer.input)
        inputs[at] = _written(body, producer, at, change.weight, taken)
        put(body, taken, rewired(producer, inputs))
    draft.absorb(body, producer.name, node.name)
    kept = producer if not change.shifts else node
    if change.bias is not None:
        kept = change.bias.node
        draft.absorb(body, kept.name, node.name)
    if kept is not node:
        _replace(body, node, kept.name, taken)
    if change.shifts:
        _put_bias(body, kept, producer, change.shift, taken)
    return str(kept.name)


def _replace(body: Body, node: Any, by: str, taken: dict[str, list[str]]) -> None:
    """Have what takes a node take another one in its place."""
    for name in dict.fromkeys(taken.get(node.name, ())):
        if name:
            reader = body.nodes[name]
            inputs = [by if each == node.name else each for each in reader.input]
            put(body, taken, rewired(reader, inputs))
    for each in body.returns:
        if each.tensor == node.name:
            each.tensor = by
            taken[node.name].remove("")
            taken.setdefault(by, []).append("")
    drop(body, taken, node.name)
    del body.nodes[node.name]


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
    body: Body, producer: Any, at: int, value: Any, taken: dict[str, Any]
) -> str:
    """A weight's new value, under its own name unless others take the old one."""
    old = name = parsed(producer.input[at])[0]
    if len(taken.get(old, ())) > 1:
        name = unused(body.nodes, f"{producer.name}/{old.rpartition('/')[2]}")
    body.nodes[name] = constant(name, value, types.DT_FLOAT)
    return name


def _put_bias(
    body: Body, adds: Any, producer: Any, value: Any, taken: dict[str, list[str]]
) -> None:
    """Make a node the BiasAdd that TensorFlow's kernels fuse with the producer."""
    name = unused(body.nodes, f"{adds.name}/bias")
    body.nodes[name] = constant(name, value, types.DT_FLOAT)
    if producer.op in BATCHED:
        made = NodeDef(name=adds.name, op="AddV2", input=[producer.name, name])
    else:
        made = NodeDef(name=adds.name, op="BiasAdd", input=[producer.name, name])
        made.attr["data_format"].s = layout(producer)
    made.attr["T"].type = types.DT_FLOAT
    put(body, taken, made)
