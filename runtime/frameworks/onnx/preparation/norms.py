"""Fold a batch norm into the convolution or product that feeds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from ...norms import Norm, in_range, norm_of
from ..ir.rewriting.editing import Editor, constant_of
from ..ir.weights import register
from .absorbed import Names
from .identities import replace

PRODUCERS: Mapping[str, int] = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2}
"""Producer → index of its bias."""

AT_ONCE = 1 << 24
"""Elements of a weight that are held in fp64 at a time."""


@dataclass(frozen=True)
class Site:
    """A producer whose only reader is a batch norm of constants."""

    producer: ir.Node
    norm: ir.Node
    weight: npt.NDArray[np.generic]
    bias: npt.NDArray[np.generic] | None
    does: Norm


def fold_batch_norms(model: ir.Model, editor: Editor, ledger: Names) -> None:
    """W' = W·s and b' = b·s + (β − mean·s) with s = γ/√(var + ε), computed in fp64."""
    for graph in model.graphs():
        for node in list(graph):
            site = _site(node)
            if site is not None:
                _fold(graph, site, editor, ledger)


def _site(norm: ir.Node) -> Site | None:
    producer = _producer(norm)
    if producer is None or not _infers(norm):
        return None
    weight = constant_of(producer.inputs[1])
    given = producer.inputs[2] if len(producer.inputs) > 2 else None
    bias = constant_of(given)
    statistics = [constant_of(value) for value in norm.inputs[1:5]]
    known = [each.numpy() for each in statistics if each is not None]
    if weight is None or (given is not None and bias is None):
        return None
    if len(known) < len(statistics):
        return None
    gamma, beta, mean, variance = known
    epsilon = norm.attributes.get_float("epsilon", 1e-5)
    does = norm_of(gamma, beta, mean, variance, epsilon)
    own = None if bias is None else bias.numpy()
    site = Site(producer, norm, weight.numpy(), own, does)
    return site if _fits(site) else None


def _producer(norm: ir.Node) -> ir.Node | None:
    """The layer that feeds a batch norm, and nothing else."""
    if norm.domain or norm.op_type != "BatchNormalization":
        return None
    data = norm.inputs[0]
    producer = data.producer() if data is not None else None
    if data is None or producer is None or producer.graph is not norm.graph:
        return None
    if producer.domain or producer.op_type not in PRODUCERS:
        return None
    return None if len(data.uses()) != 1 or data.is_graph_output() else producer


def _infers(norm: ir.Node) -> bool:
    """Whether the norm uses its statistics and doesn't make any."""
    others = norm.outputs[1:]
    return not norm.attributes.get_int("training_mode", 0) and not any(
        value.uses() or value.is_graph_output() for value in others
    )


def _fits(site: Site) -> bool:
    """Whether the norm's channels are the producer's, and its bias has one for each."""
    channels: int = site.does.scale.size
    if site.producer.op_type != "Gemm":
        groups = site.producer.attributes.get_int("group", 1)
        transposed = site.producer.op_type == "ConvTranspose"
        own = site.weight.shape[1] * groups if transposed else site.weight.shape[0]
        return int(own) == channels
    transposed = bool(site.producer.attributes.get_int("transB", 0))
    bias = site.bias
    return site.weight.shape[0 if transposed else 1] == channels and (
        bias is None or bias.size == 1 or bias.shape in ((channels,), (1, channels))
    )


def _fold(graph: ir.Graph, site: Site, editor: Editor, ledger: Names) -> None:
    producer = site.producer
    with np.errstate(all="ignore"):
        weight, bias = _weight(site), _bias(site)
    if not in_range(weight, bias):
        return
    _set(graph, producer, 1, weight, editor)
    _set(graph, producer, PRODUCERS[producer.op_type], bias, editor)
    if producer.op_type == "Gemm":
        producer.attributes["beta"] = ir.AttrFloat32("beta", 1.0)
    ledger.take_value(producer, site.norm)
    replace(graph, site.norm, producer.outputs[0])


def _weight(site: Site) -> npt.NDArray[np.generic]:
    """The weight times the scale of its output channel, a part of it at a time."""
    whole = site.weight
    made = np.empty_like(whole, subok=False)
    if site.producer.op_type == "ConvTranspose":
        groups = site.producer.attributes.get_int("group", 1)
        split = (groups, whole.shape[0] // groups, *whole.shape[1:])
        factor = site.does.scale.reshape(groups, 1, -1, *[1] * (whole.ndim - 2))
        made.reshape(split)[...] = whole.reshape(split) * factor
        return made
    by_row = site.producer.op_type == "Conv" or bool(
        site.producer.attributes.get_int("transB", 0)
    )
    step = max(1, AT_ONCE * len(whole) // max(whole.size, 1))
    for first in range(0, len(whole), step):
        rows = slice(first, first + step)
        factor = site.does.scale[rows] if by_row else site.does.scale
        shape = (-1, *[1] * (whole.ndim - 1)) if by_row else (1, -1)
        made[rows] = whole[rows].astype(np.float64) * factor.reshape(shape)
    return made


def _bias(site: Site) -> npt.NDArray[np.generic]:
    dtype = site.weight.dtype
    if site.bias is None:
        return site.does.shift.astype(dtype)
    wide = site.bias.astype(np.float64).reshape(-1)
    if site.producer.op_type == "Gemm":
        wide = wide * site.producer.attributes.get_float("beta", 1.0)
    return (wide * site.does.scale + site.does.shift).astype(dtype)


def _set(
    graph: ir.Graph,
    node: ir.Node,
    index: int,
    values: npt.NDArray[np.generic],
    editor: Editor,
) -> None:
    """Let an input be a new constant, under the old one's name if nobody else reads it."""
    if len(node.inputs) <= index:
        node.resize_inputs(index + 1)
    old = node.inputs[index]
    if old is not None and len(old.uses()) == 1 and old.graph is graph:
        tensor = ir.Tensor(values, name=str(old.name))
        old.const_value, old.shape = tensor, ir.Shape(values.shape)
        return
    near = old.name if old is not None else f"{node.outputs[0].name}_bias"
    made = register(graph, ir.Tensor(values, name=editor.fresh(str(near))))
    node.replace_input_with(index, made)
